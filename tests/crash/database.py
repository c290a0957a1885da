"""A PostgreSQL under the fault library, to be killed: made as the embedded one is, but started and ended by us.

The embedded one starts PostgreSQL with a clean environment, so the library would not get there. Its own restart after
a kill is held by tests/unit/metadata/postgresql.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mda.metadata.postgresql import embedded, embedded_place
from mda.metadata.postgresql.postgresql_binaries import choose_binaries
from mda.metadata.postgresql.server_user import choose_user
from tests.crash.processes import children, kill, wait_until

START_SECONDS = 60

RUINED = "could not locate a valid checkpoint record"

SETTINGS = ("listen_addresses=", "jit=off", "timezone=UTC", "checkpoint_timeout=30s", "max_connections=50")


class Ruined(AssertionError):
    """PostgreSQL finds nothing to begin from in its log: everything that it had is lost."""


class Database:
    """One cluster in `folder`; its socket lies beside it."""

    def __init__(self, folder: Path) -> None:
        self.cluster = folder / embedded_place.CLUSTER
        self._sockets = folder / "pg.socket"
        self._log = folder / "pg.log"
        self._user = choose_user()
        with embedded.running(folder):
            pass  # makes it
        self._postgres = choose_binaries(self.cluster, self._user, folder).program("postgres")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return embedded_place.url_of(self._sockets)

    def start(self, environment: Mapping[str, str]) -> None:
        """Returns once it answers. Orphans of a killed postmaster hold its shared memory for a while: tried again.

        Raises Ruined where trying again is in vain."""
        deadline = time.monotonic() + START_SECONDS
        while not self._start_once(environment):
            log = self._log.read_text()[-2000:]
            if RUINED in log:
                raise Ruined(log)
            assert time.monotonic() < deadline, f"PostgreSQL does not start: {log}"
            time.sleep(0.1)

    def _start_once(self, environment: Mapping[str, str]) -> bool:
        options = [word for setting in SETTINGS for word in ("-c", setting)]
        with self._log.open("ab") as log:
            process = self._process = subprocess.Popen(
                [str(self._postgres), "-D", str(self.cluster), *options, "-k", str(self._sockets)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"LC_ALL": "C", "PATH": os.defpath, **environment},
                start_new_session=True,
                user=self._user.uid if self._user.is_lent else None,
                group=self._user.gid if self._user.is_lent else None,
                extra_groups=() if self._user.is_lent else None,
                cwd=self.cluster.parent,
            )
        wait_until(lambda: self._is_ready(process) or process.poll() is not None, START_SECONDS, "PostgreSQL's start")
        return process.poll() is None

    def _is_ready(self, process: "subprocess.Popen[bytes]") -> bool:
        with suppress(OSError, IndexError), socket.socket(socket.AF_UNIX) as probe:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
            if lines[0] == str(process.pid) and lines[7].startswith("ready"):
                probe.connect(str(self._sockets / ".s.PGSQL.5432"))
                return True
        return False

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def backends(self) -> tuple[int, ...]:
        # Of a postmaster that has ended the number may be another process's, whose children are nobody's to kill.
        return children(self._process.pid) if self._process is not None and self.is_running else ()

    def kill_postmaster(self) -> None:
        """Its backends find out by themselves."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_all(self) -> None:
        """The postmaster is stopped first, so that it starts no others."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGSTOP)
        backends = self.backends
        for pid in backends:
            kill(pid)
        self.kill_postmaster()
        wait_until(lambda: not any(map(_is_there, backends)), START_SECONDS, "the end of PostgreSQL's backends")

    def forget_process(self) -> None:
        """After a power cut process ids mean nothing."""
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        """In order."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(START_SECONDS)


def _is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
