"""rspamd with Debian's rules and its Bayes in a Redis, both private: a folder of their own, Unix sockets, no network.

Gives two scores: what its Bayes says alone, and the sum of all rules, Bayes among them. Everything that asks DNS or
other hosts is turned off. CPU time is of rspamd's worker; Redis's is counted with it.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from bench.antispam_peer import Judged, counted, cpu_seconds
from mda.antispam.trial import Entry

PROGRAM = "rspamd"
PACKAGES = "rspamd redis-server"
CONFIGURATION = Path("/etc/rspamd/rspamd.conf")
START_SECONDS = 120.0
"""Its first start compiles patterns for half a minute."""

ENDING_LOOKS = 50

ASKS_OTHERS = (
    "antivirus",
    "arc",
    "asn",
    "bimi",
    "clickhouse",
    "dcc",
    "dkim",
    "dkim_signing",
    "dmarc",
    "elastic",
    "external_services",
    "fuzzy_check",
    "greylist",
    "hfilter",
    "history_redis",
    "mime_types",
    "multimap",
    "mx_check",
    "neural",
    "once_received",
    "p0f",
    "phishing",
    "ratelimit",
    "rbl",
    "replies",
    "reputation",
    "rspamd_update",
    "spf",
    "surbl",
    "url_redirector",
    "whitelist",
)
"""Modules that ask the network, or fetch maps from it, or keep in Redis what is no part of Bayes."""

OPTIONS = """\
dns { nameserver = ["127.0.0.1:9"]; timeout = 0.05s; retransmits = 1; }
disable_monitoring = true;
"""
"""Nobody answers there: what still asks is soon done with it."""

OTHER_WORKERS = ("worker-normal.inc", "worker-proxy.inc", "worker-fuzzy.inc")


def judge(learned: Sequence[Entry], tested: Sequence[Entry]) -> Judged:
    if not shutil.which("redis-server"):
        raise FileNotFoundError("redis-server")
    with tempfile.TemporaryDirectory() as name, _started(Path(name)) as filter_:
        for entry in counted("rspamd learns", learned):
            filter_.learn(entry)
        begin = filter_.seconds()
        answers = [filter_.check(entry) for entry in counted("rspamd judges", tested)]
        seconds = filter_.seconds() - begin
    bayes = [(_bayes(answer), entry.is_spam) for answer, entry in zip(answers, tested, strict=True)]
    total = [(float(answer["score"]), entry.is_spam) for answer, entry in zip(answers, tested, strict=True)]
    return Judged({"rspamd_bayes": bayes, "rspamd_all_rules": total}, seconds)


def _bayes(answer: dict[str, Any]) -> float:
    """Above 0 for spam: the score of BAYES_SPAM, or that of BAYES_HAM, which is below."""
    symbols = answer["symbols"]
    return sum(float(symbols[name]["score"]) for name in ("BAYES_SPAM", "BAYES_HAM") if name in symbols)


class _Connection(http.client.HTTPConnection):
    """HTTP on a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True)
class _Filter:
    """A running rspamd."""

    controller: Path
    pids: tuple[int, ...]
    """Of what works for a message: its worker, and Redis."""

    def check(self, entry: Entry) -> dict[str, Any]:
        return self._post("/checkv2", entry, {})

    def learn(self, entry: Entry) -> None:
        """In bulk: it takes also what it would have judged rightly."""
        self._post("/learnspam" if entry.is_spam else "/learnham", entry, {"Learn-Type": "bulk"})

    def seconds(self) -> float:
        return sum(map(cpu_seconds, self.pids))

    def _post(self, path: str, entry: Entry, headers: dict[str, str]) -> dict[str, Any]:
        connection = _Connection(self.controller)
        try:
            connection.request("POST", path, entry.path.read_bytes(), headers)
            found: dict[str, Any] = json.loads(connection.getresponse().read() or b"{}")
            return found
        finally:
            connection.close()


@contextmanager
def _started(folder: Path) -> Iterator[_Filter]:
    redis_socket, controller = folder / "redis.sock", folder / "controller.sock"
    _configure(folder, redis_socket, controller)
    names = [f"--var={name}={folder}" for name in ("LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR")]
    with (
        (folder / "said").open("wb") as said,
        _running(
            ["redis-server", "--port", "0", "--unixsocket", str(redis_socket), "--save", "", "--dir", str(folder)],
            folder,
            said,
        ) as redis,
        _running(
            [PROGRAM, "-f", "-i", "-u", "root", "-g", "root", "-c", str(CONFIGURATION), *names], folder, said
        ) as it,
    ):
        yield _Filter(controller, (_wait_for_worker(it), redis.pid))


@contextmanager
def _running(command: Sequence[str], folder: Path, said: BinaryIO) -> Iterator["subprocess.Popen[bytes]"]:
    """The program and, at the end, none of its processes: what a helper still writes would be left behind."""
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.Popen(command, stdout=said, stderr=said, env=environment, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        _end_group(process.pid)


def _end_group(group: int) -> None:
    """Kills what is left, and gives it a moment to be gone; who has adopted it may never bury it."""
    with suppress(ProcessLookupError):
        for _ in range(ENDING_LOOKS):
            os.killpg(group, signal.SIGKILL)
            time.sleep(0.02)


def _configure(folder: Path, redis_socket: Path, controller: Path) -> None:
    local = folder / "local.d"
    local.mkdir()
    for name in (*OTHER_WORKERS, *(f"{module}.conf" for module in ASKS_OTHERS)):
        (local / name).write_text("enabled = false;\n")
    (local / "worker-controller.inc").write_text(f'bind_socket = "{controller} mode=0600";\ncount = 1;\n')
    (local / "redis.conf").write_text(f'servers = "{redis_socket}";\n')
    (local / "options.inc").write_text(OPTIONS)


def _wait_for_worker(rspamd: "subprocess.Popen[bytes]") -> int:
    """The process that serves the controller's socket, once it does; others compile patterns or keep statistics."""
    limit = time.monotonic() + START_SECONDS
    while rspamd.poll() is None and time.monotonic() < limit:
        for child in Path(f"/proc/{rspamd.pid}/task/{rspamd.pid}/children").read_text().split():
            if b"controller" in Path(f"/proc/{child}/cmdline").read_bytes():  # its title, set when it is ready
                return int(child)
        time.sleep(0.2)
    raise RuntimeError("rspamd has not started: rspamadm configtest says more")
