"""A whole MDA of its own for a test: settings, shard, accounts, and `mda serve` as a real process.

Everything goes through the commands that an admin uses. Servers are stopped by their own pid.
"""

import json
import os
import signal
import smtplib
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMANDS = Path(sys.executable).parent
START_SECONDS = 30
STOP_SECONDS = 40

_PEER = struct.Struct("i8x")
"""The process of a struct ucred."""

AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Passes a socket as descriptor 3 (sd_listen_fds)."""


@dataclass(slots=True)
class Instance:
    """One MDA in `folder` (short: sockets are below it), on a database of its own."""

    folder: Path
    database_url: str
    options: str = ""
    """More lines of mda.toml."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What `mda serve` has beside our own."""
    serve: tuple[str, ...] = ()
    """Program and arguments that serve in its place; the settings' path is added."""
    workers_table: str = "count = 2\ngather_sessions = 1"
    """The table of that name: each worker has its share of the sessions, however few there are."""
    database_options: str = ""
    """What stands in that table behind the URL."""
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    held: socket.socket | None = field(default=None, init=False)

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
        # Another one may be beside it, in the same folder for temporary files.
        self.mda("init", *(["--yes"] if self.database_url == "embedded" else []))
        self.mda("domain", "add", domain)
        for name in accounts:
            self.mda("account", "add", f"{name}@{domain}", "--password-stdin", stdin=b"correct horse\n")

    def write_settings(self, options: str) -> None:
        self.settings.write_text(
            f'data_dir = "{self.folder}"\n[database]\nurl = "{self.database_url}"\n'
            f"{self.database_options}\n[workers]\n{self.workers_table}\n{options}"
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

    def hold_socket(self) -> None:
        """Holds the listening socket over restarts, as systemd does for mda.socket."""
        held = socket.socket(socket.AF_UNIX)
        held.bind(str(self.socket))
        self.socket.chmod(0o666)
        held.listen(4096)
        self.held = held

    def start(self) -> None:
        """Starts `mda serve` and waits until it answers."""
        command, inherited = self.command("serve"), tuple[int, ...]()
        if self.serve:
            command = [*self.serve, str(self.settings)]
        if self.held is not None:
            inherited = (self.held.fileno(),)
            command = [sys.executable, "-c", AS_SYSTEMD, str(self.held.fileno()), *command]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=inherited,
                env={**os.environ, **self.environment},
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None, f"mda serve ended: {self.log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"mda serve does not answer: {self.log.read_text()[-2000:]}"
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            with smtplib.LMTP(str(self.socket), timeout=START_SECONDS) as session:
                return session.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def has_taken_over(self) -> bool:
        """Whether the socket is this `mda serve`'s, and not one's whose workers serve on without their supervisor."""
        assert self.process is not None
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.socket))
            # unix(7): the credentials of whoever called listen().
            (peer,) = _PEER.unpack_from(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        return bool(peer == self.process.pid)

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_SECONDS)
        self.process = None
        return status

    def close(self) -> None:
        """Ends what is still running."""
        if self.process is not None:
            self.stop()
        if self.held is not None:
            self.held.close()

    def workers(self) -> list[int]:
        """Pids of the supervisor's children."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]
