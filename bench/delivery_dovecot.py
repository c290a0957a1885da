"""A Dovecot of our own that takes mail by LMTP, the peer of the delivery benchmark.

Any recipient is accepted; users spread over 100 homes. It runs in one folder, as root (its master wants that), listens
on a socket there and on no address, and is stopped by its own pid. Needs Debian's dovecot-lmtpd.
"""

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

USER, GROUP = "nobody", "nogroup"
START_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Dovecot:
    """With sdbox; `fsync` is its mail_fsync: always, as our durability has it, or optimized, its default."""

    folder: Path
    fsync: str

    @property
    def socket(self) -> Path:
        return self.folder / "run" / "lmtp.sock"

    def start(self) -> None:
        for name in ("run", "state", "mail"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        shutil.chown(self.folder / "mail", USER, GROUP)
        (self.folder / "log").touch()
        (self.folder / "log").chmod(0o666)
        (self.folder / "dovecot.conf").write_text(self._configuration())
        subprocess.run(["dovecot", "-c", str(self.folder / "dovecot.conf")], check=True)
        deadline = time.monotonic() + START_SECONDS
        while not self.socket.exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"Dovecot does not start: {(self.folder / 'log').read_text()[-1000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Returns once it has ended."""
        pid = Path("/proc") / (self.folder / "run" / "master.pid").read_text().strip()
        subprocess.run(["doveadm", "-c", str(self.folder / "dovecot.conf"), "stop"], check=True)
        while pid.exists():
            time.sleep(0.05)

    def _configuration(self) -> str:
        return f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/log
protocols = lmtp
listen = 127.0.0.1
ssl = no
first_valid_uid = 1
mail_location = sdbox:~/sdbox
mail_fsync = {self.fsync}
mail_uid = {USER}
mail_gid = {GROUP}
default_process_limit = 200
default_client_limit = 2000
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={USER} gid={GROUP} home={self.folder}/mail/%2.100Nu allow_all_users=yes
}}
service lmtp {{
  unix_listener lmtp.sock {{
    mode = 0666
  }}
}}
service stats {{
  client_limit = 4000
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""
