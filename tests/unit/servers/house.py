"""A served data folder in the tests: the real supervisor and workers as processes, and clients to them."""

import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from mda.settings import Settings, load

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60.0
"""Long: the tests share their machine."""


def wait_for(what: Callable[[], bool], name: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, f"{name} did not happen"
        time.sleep(0.02)


class House:
    """A short folder (a socket's path has 108 octets), a settings file in it, and the supervisors it has had."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "mda.toml"
        self.log = folder / "log"
        self.mail = folder / "mail"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.configure()

    def configure(self, lmtp: str = "", workers: str = "count = 2\ndrain_seconds = 10") -> None:
        self.file.write_text(
            f'data_dir = "{self.folder}"\n[lmtp]\nhostname = "mx.example"\n{lmtp}\n[workers]\n{workers}\n'
            '[log]\nlevel = "debug"\n'
        )

    @property
    def settings(self) -> Settings:
        return load(self.file, {})

    def begin(self, *, prefix: tuple[str, ...] = (), pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        """A new supervisor, not waited for."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "tests.unit.servers.serving", str(self.file)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},  # the workers find their composer there
                stderr=log,
                pass_fds=pass_fds,
            )
        self._processes.append(process)
        return process

    def start(self, *, prefix: tuple[str, ...] = (), pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        """A new supervisor; returns once it is ready."""
        seen = self.count("event=ready")
        process = self.begin(prefix=prefix, pass_fds=pass_fds)
        wait_for(lambda: self.count("event=ready") > seen or process.poll() is not None, "start")
        assert process.poll() is None, self.read_log()
        return process

    def read_log(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def count(self, text: str) -> int:
        return self.read_log().count(text)

    def events(self) -> list[tuple[float, str]]:
        """The supervisor's log: time and event."""
        found = re.findall(r'^timestamp=(\S+) level=\S+ area=supervisor event="([^"]+)"', self.read_log(), re.MULTILINE)
        return [(datetime.fromisoformat(at).timestamp(), event) for at, event in found]

    def workers(self) -> tuple[int, ...]:
        """The workers that were ever started here and still run."""
        pids = re.findall(r'event="worker started" pid=(\d+)', self.read_log())
        return tuple(pid for pid in map(int, pids) if _runs(pid))

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE_SECONDS)
        client.connect(str(self.settings.lmtp_socket))
        return client

    def client(self) -> smtplib.LMTP:
        return smtplib.LMTP(str(self.settings.lmtp_socket), 0, "client.example", timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_SECONDS)
        for pid in self.workers():
            os.kill(pid, signal.SIGKILL)


def _runs(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@contextmanager
def house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="mda"))
    home = House(folder)
    try:
        yield home
    finally:
        home.close()
        shutil.rmtree(folder, ignore_errors=True)
