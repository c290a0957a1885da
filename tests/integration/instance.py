"""A whole MDA of its own for a test: settings, shard, accounts, and `mda serve` as a real process.

Everything goes through the commands that an admin uses. Servers are stopped by their own pid.
"""

import json
import os
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMANDS = Path(sys.executable).parent
START_SECONDS = 30
STOP_SECONDS = 40


@dataclass(slots=True)
class Instance:
    """One MDA in `folder` (short: sockets are below it), on a database of its own."""

    folder: Path
    database_url: str
    options: str = ""
    """More lines of mda.toml."""
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def settings(self) -> Path:
        return self.folder / "mda.toml"

    @property
    def socket(self) -> Path:
        return self.folder / "lmtp.sock"

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"

    def prepare(self, domain: str, accounts: Sequence[str]) -> None:
        """Settings, shard, domain and accounts (local parts)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.write_settings(self.options)
        self.mda("init")
        self.mda("domain", "add", domain)
        for name in accounts:
            self.mda("account", "add", f"{name}@{domain}", "--password-stdin", stdin=b"correct horse\n")

    def write_settings(self, options: str) -> None:
        self.settings.write_text(
            f'data_dir = "{self.folder}"\n[database]\nurl = "{self.database_url}"\n[workers]\ncount = 2\n{options}'
        )

    def mda(self, *words: str, stdin: bytes = b"") -> bytes:
        """Runs a command; AssertionError with its stderr where it fails."""
        done = subprocess.run(self.command(*words), input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, f"mda {' '.join(words)}: exit {done.returncode}\n{done.stderr.decode()}"
        return done.stdout

    def command(self, *words: str) -> list[str]:
        return [str(COMMANDS / "mda"), "--config", str(self.settings), *words]

    def listing(self, *words: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.mda(*words, "--json"))
        return rows

    def start(self, environment: dict[str, str] | None = None, pass_fds: Sequence[int] = ()) -> None:
        """Starts `mda serve` and waits until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command("serve"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                pass_fds=pass_fds,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None, f"mda serve ended: {self.log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"mda serve does not answer: {self.log.read_text()[-2000:]}"
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            with smtplib.LMTP(str(self.socket)) as session:
                return session.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_SECONDS)
        self.process = None
        return status

    def workers(self) -> list[int]:
        """Pids of the supervisor's children."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]
