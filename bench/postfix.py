"""End to end through a real Postfix: `make bench-postfix`, or `python -m bench.postfix [--journal] [PAIRS]`.

Postfix's smtp-source brings mail by SMTP in 8 sessions to a private Postfix (smtpd, queue, delivery agent), which hands
it on, in turn in the same run, by LMTP to `mda serve` and its peers (smtp-sink, which keeps nothing; Dovecot's LMTP
with mail_fsync=always), and by pipe(8) to mda-pipe and its peer (a C program that only reads what it is given). Each
message goes to another account. Beside them for reference `bench.delivery_bare`, which keeps what it gets and
does nothing else, against the same peers. A run is over when the last message is logged as sent. Rates are messages
a second; delays are Postfix's own, of the whole way since the message arrived and of the agent alone, in milliseconds;
CPU is that of Postfix, the destination and its PostgreSQL. Medians of the pairs; with --journal on an ext4 that has one
(bench/journaled.py). Writes build/bench/postfix.json, a row a comparison. Needs root, postfix and dovecot-lmtpd; what
is missing is named.
"""

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import processor_time
from bench.delivery_bare import bare
from bench.delivery_dovecot import Dovecot
from bench.delivery_mda import LOCAL_PART, ours
from bench.mime_programs import ROOT, compile_c
from bench.needed import PATH, has_all
from bench.scaffold import asked, medians, run_folder, write_results
from tests.integration.postfix import Lmtp, Pipe, Postfix, Route, Setup, running

SESSIONS = 8
OCTETS = 2_000
MESSAGES = 2_000
WARM_MESSAGES = MESSAGES
"""As many as there are accounts: what is looked up then is remembered, as it is where mail has come for an hour."""
WAIT_SECONDS = 120
AGENTS = 20
"""Processes of a transport at most, as conf/postfix/master.cf has them."""
MAIN_CF = "delay_logging_resolution_limit = 6\n"

LMTP_MDA, LMTP_SINK, LMTP_DOVECOT, LMTP_BARE = "mda.test", "sink.test", "dovecot.test", "bare.test"
PIPE_MDA, PIPE_READER, PIPE_BARE = "mda-pipe.test", "reader.test", "bare-pipe.test"

LOGGED = re.compile(
    rb" to=<[^>]*>.* delay=(?P<whole>[\d.]+), delays=[^/]+/[^/]+/[^/]+/(?P<agent>[\d.]+), dsn=.* status=(?P<status>\w+)"
)


@dataclass(frozen=True, slots=True)
class Comparison:
    transport: str
    ours: str
    """The domain whose mail is ours."""
    peer_name: str
    peer: str
    goal: float
    """Our rate to the peer's, at least."""
    name: str = "mda"
    """Of what stands for ours."""


COMPARISONS = (
    Comparison("lmtp", LMTP_MDA, "smtp-sink", LMTP_SINK, 0.85),
    Comparison("lmtp", LMTP_MDA, "dovecot-always", LMTP_DOVECOT, 1.8),
    Comparison("lmtp", LMTP_BARE, "smtp-sink", LMTP_SINK, 0.85, "bare"),
    Comparison("lmtp", LMTP_BARE, "dovecot-always", LMTP_DOVECOT, 1.8, "bare"),
    Comparison("pipe", PIPE_MDA, "reader", PIPE_READER, 0.85),
    Comparison("pipe", PIPE_BARE, "reader", PIPE_READER, 0.85, "bare"),
)


@dataclass(frozen=True, slots=True)
class Run:
    rate: float
    """Messages a second, from the first at Postfix's door to the last one sent."""
    cpu_ms: float
    """A message, all processes but smtp-source."""
    p50_ms: float
    p99_ms: float
    agent_p50_ms: float
    agent_p99_ms: float


@dataclass(frozen=True, slots=True)
class Stage:
    postfix: Postfix
    folders: Mapping[str, tuple[Path, ...]]
    """By domain: what the processes behind it have in their command."""


def main() -> int:
    arguments = asked(__doc__, ("journal",), pairs=5)
    if not has_all(("smtp-source", "smtp-sink", "dovecot")):
        return 2
    with run_folder(has_journal=arguments.journal) as root, ExitStack() as stack:
        rows = [row(comparison, runs) for comparison, runs in measure(stage(root, stack), arguments.pairs).items()]
    write_results("postfix", rows)
    return 0


def stage(root: Path, stack: ExitStack) -> Stage:
    """Postfix and every destination, running."""
    mda = stack.enter_context(ours(root / "mda", (LMTP_MDA, PIPE_MDA)))
    dovecot = Dovecot(root / "dovecot", "always")
    dovecot.start()
    stack.callback(dovecot.stop)
    sink = stack.enter_context(smtp_sink(root / "sink"))
    bare_socket = stack.enter_context(bare(mda, root / "bare", LMTP_MDA))
    program = root / "mda-pipe"
    subprocess.run(["sh", str(ROOT / "csrc/pipe/build.sh"), str(program)], check=True, stdout=subprocess.DEVNULL)
    reader = compile_c("postfix_reader", (), ("-static",), root)
    options = "--queue-id ${queue_id} --size ${size} --original-recipient=${original_recipient} --deadline 80"
    options += " -f ${sender} -- ${recipient}"
    routes: dict[str, Route] = {
        LMTP_MDA: Lmtp(mda.socket, max_processes=AGENTS),
        LMTP_SINK: Lmtp(sink, max_processes=AGENTS),
        LMTP_DOVECOT: Lmtp(dovecot.socket, max_processes=AGENTS),
        LMTP_BARE: Lmtp(bare_socket, max_processes=AGENTS),
        PIPE_MDA: Pipe(f"{program} --socket {mda.socket} {options}", max_processes=AGENTS),
        PIPE_BARE: Pipe(f"{program} --socket {bare_socket} {options}", max_processes=AGENTS),
        PIPE_READER: Pipe(str(reader), max_processes=AGENTS),
    }
    postfix = stack.enter_context(running(Setup(routes, MAIN_CF)))
    folders = {
        LMTP_MDA: (mda.folder,),
        PIPE_MDA: (mda.folder,),
        LMTP_DOVECOT: (dovecot.folder,),
        LMTP_SINK: (sink,),
        LMTP_BARE: (root / "bare", mda.folder),
        PIPE_BARE: (root / "bare", mda.folder),
    }
    return Stage(postfix, folders)


@contextmanager
def smtp_sink(socket: Path) -> Iterator[Path]:
    """An LMTP server that answers yes to everything and keeps nothing; its socket."""
    socket.parent.mkdir(parents=True, exist_ok=True)
    command = ["smtp-sink", "-L", "-u", "nobody", f"unix:{socket}", "256"]
    process = subprocess.Popen(command, env={**os.environ, "PATH": PATH}, umask=0)
    try:
        deadline = time.monotonic() + 10
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"smtp-sink does not start: {' '.join(command)}")
            time.sleep(0.02)
        yield socket
    finally:
        process.terminate()
        process.wait()


def measure(stage: Stage, pairs: int) -> Mapping[Comparison, Sequence[tuple[Run, Run]]]:
    """Pairs of our run and the peer's, each comparison's next to one another."""
    for domain in (LMTP_MDA, LMTP_SINK, LMTP_DOVECOT, LMTP_BARE, PIPE_MDA, PIPE_READER, PIPE_BARE):
        send(stage, domain, WARM_MESSAGES)
    runs: dict[Comparison, list[tuple[Run, Run]]] = {comparison: [] for comparison in COMPARISONS}
    for _ in range(pairs):
        for comparison, of_comparison in runs.items():
            of_comparison.append((send(stage, comparison.ours), send(stage, comparison.peer)))
    return runs


def send(stage: Stage, domain: str, count: int = MESSAGES) -> Run:
    log = stage.postfix.folder / "log/mail.log"
    offset = log.stat().st_size if log.exists() else 0
    cpu, begin = cpu_seconds(stage, domain), time.perf_counter()
    load = f"smtp-source -d -N -s {SESSIONS} -m {count} -l {OCTETS} -f sender@example.org"
    load += f" -t {LOCAL_PART}@{domain} inet:127.0.0.1:{stage.postfix.port}"
    with subprocess.Popen(load.split(), env={**os.environ, "PATH": PATH}) as source:
        delays = wait_until_sent(log, offset, count)
    seconds = time.perf_counter() - begin
    if source.returncode != 0:
        raise RuntimeError(f"exit {source.returncode}: {load}")
    whole, agent = (statistics.quantiles(column, n=100) for column in zip(*delays, strict=True))
    cpu_ms = 1000 * (cpu_seconds(stage, domain) - cpu) / count
    return Run(count / seconds, cpu_ms, whole[49], whole[98], agent[49], agent[98])


def wait_until_sent(log: Path, offset: int, count: int) -> list[tuple[float, float]]:
    """Of each message, the milliseconds of its whole way and those of the delivery agent."""
    delays: list[tuple[float, float]] = []
    deadline = time.monotonic() + WAIT_SECONDS
    rest = b""
    with log.open("rb") as lines:
        lines.seek(offset)
        while len(delays) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {len(delays)} of {count} messages were sent in {WAIT_SECONDS} s")
            *whole, rest = (rest + lines.read()).split(b"\n")
            for line in whole:
                if (logged := LOGGED.search(line)) is None:
                    continue
                if logged["status"] != b"sent":
                    raise RuntimeError(line.decode(errors="replace"))
                delays.append((1000 * float(logged["whole"]), 1000 * float(logged["agent"])))
            time.sleep(0.01)
    return delays


def cpu_seconds(stage: Stage, domain: str) -> float:
    """Of Postfix, and of what is behind the domain."""
    master = int((stage.postfix.folder / "queue/pid/master.pid").read_text())
    return processor_time.of_processes({master}) + processor_time.of_folders(stage.folders.get(domain, ()))


def row(comparison: Comparison, pairs: Sequence[tuple[Run, Run]]) -> Mapping[str, object]:
    ratio = statistics.median(mine.rate / other.rate for mine, other in pairs)
    mine, other = (medians(column) for column in zip(*pairs, strict=True))
    names = (comparison.name, comparison.peer_name)
    print(f"{comparison.transport}, {' against '.join(names)}: {ratio:.2f} (goal {comparison.goal})")
    for name, one in zip(names, (mine, other), strict=True):
        print(
            f"  {name:14} {one.rate:6,.0f}/s, {one.cpu_ms:5.2f} ms CPU, whole p50 {one.p50_ms:7.1f} p99"
            f" {one.p99_ms:7.1f} ms, agent p50 {one.agent_p50_ms:5.1f} p99 {one.agent_p99_ms:6.1f} ms",
            flush=True,
        )
    head = {
        "server": comparison.name,
        "transport": comparison.transport,
        "peer": comparison.peer_name,
        "sessions": SESSIONS,
        "octets": OCTETS,
    }
    figures = {
        f"{who}_{key}": getattr(run, key)
        for key in ("rate", "cpu_ms", "p50_ms", "p99_ms", "agent_p50_ms", "agent_p99_ms")
        for who, run in (("our", mine), ("peer", other))
    }
    return {**head, "ratio": ratio, "goal": comparison.goal, **figures}


if __name__ == "__main__":
    sys.exit(main())
