"""Delivery by LMTP against Dovecot's: `make bench-delivery`, or `python -m bench.delivery [OPTION] [PAIRS]`.

The same number of messages goes to `mda serve` doing its whole work (parse, classify, compress, record, with its
PostgreSQL) and to a Dovecot with sdbox, in turn in the same run; sessions stay open over messages, as Postfix keeps
them. Each message goes to another account, which a worker remembers after a moment; with --forgetful none is, as where
accounts are by the million. --quick is a few cells; --journal runs all on an ext4 with a journal (bench/journaled.py),
where the machine's disk has none. Cells are sessions, octets a message and Dovecot's mail_fsync
(always is what our durability is; optimized is its default). Rates are messages a second, medians of the pairs, CPU is
that of each tree of processes, PostgreSQL's included: by Postfix's own smtp-source, which sends lines of X and does not
time its transactions. A second run of each, by our own client, which speaks as Postfix's lmtp(8) does, gives p50 and
p99 of a transaction; cells of real mails (the SpamAssassin corpus) are its own as a whole. Writes
build/bench/delivery.json, a row a cell. Needs root, postfix and dovecot-lmtpd; what is missing is named.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import processor_time
from bench.delivery_bare import bare
from bench.delivery_client import Client, lines_of_x, write_mails
from bench.delivery_dovecot import Dovecot
from bench.delivery_mda import DOMAIN, LOCAL_PART, ours
from bench.mime_samples import corpus_messages
from bench.needed import PATH, has_all
from bench.scaffold import asked, medians, run_folder, write_results
from tools.fetch_corpus import DEFAULT_FOLDER

OURS = "mda"
REAL = 0
"""Stands for the octets of real mails."""
CELLS = ((1, 2_000), (8, 2_000), (32, 2_000), (64, 2_000), (8, 10_000), (8, 100_000), (8, REAL), (64, REAL))
FORGETFUL = "lookup_cache_seconds = 0"
QUICK_CELLS = ((1, 2_000), (8, 2_000), (32, 2_000))
MESSAGES: Mapping[int, int] = {1: 600, 8: 2_000, 32: 2_000, 64: 2_000}
"""By sessions; no more than there are accounts."""

WARM_UP = (8, 2_000, 2_000)
"""Sessions, messages and octets that each gets before, so that processes are there and mailboxes made."""

LONGEST_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Run:
    rate: float
    """Messages a second."""
    cpu_ms: float
    """Of all processes, a message."""
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Server:
    socket: Path
    folders: tuple[Path, ...]
    """Whose processes do its work."""


@dataclass(frozen=True, slots=True)
class Sender:
    client: Client
    mails: Mapping[int, Path]
    """By octets."""


def main() -> int:
    arguments = asked(__doc__, ("quick", "forgetful", "journal"), pairs=0)
    pairs = arguments.pairs or (1 if arguments.quick else 5)
    if not has_all(("smtp-source", "dovecot")):
        return 2
    cells = QUICK_CELLS if arguments.quick else CELLS
    rows: list[dict[str, object]] = []
    with run_folder(has_journal=arguments.journal) as root, ExitStack() as stack:
        sender = Sender(Client.built(root), {octets: written(root, octets) for _, octets in cells})
        servers = started(root, stack, FORGETFUL if arguments.forgetful else "")
        for sessions, octets in cells:
            rows += cell(sender, servers, sessions, octets, pairs)
    write_results("delivery", rows)
    return 0


def started(root: Path, stack: ExitStack, database: str) -> Mapping[str, Server]:
    """Ours, and its peers by their names; all have had mail."""
    mda = stack.enter_context(ours(root / "mda", database=database))
    servers = {OURS: Server(mda.socket, (mda.folder,))}
    for fsync in ("always", "optimized"):
        dovecot = Dovecot(root / fsync, fsync)
        dovecot.start()
        stack.callback(dovecot.stop)
        servers[f"dovecot-{fsync}"] = Server(dovecot.socket, (dovecot.folder,))
    servers["bare"] = Server(stack.enter_context(bare(mda, root / "bare", DOMAIN)), (root / "bare", mda.folder))
    for server in servers.values():
        smtp_source(server.socket, *WARM_UP)
    return servers


def written(root: Path, octets: int) -> Path:
    mails = corpus_messages(DEFAULT_FOLDER) if octets == REAL else (lines_of_x(octets),)
    return write_mails(root / f"mails-{octets}", mails)


def cell(
    sender: Sender, servers: Mapping[str, Server], sessions: int, octets: int, pairs: int
) -> Iterator[dict[str, object]]:
    runs: dict[str, list[Run]] = {name: [] for name in servers}
    for _ in range(pairs):
        for name, server in servers.items():
            runs[name].append(send(sender, server, sessions, octets))
    what = "real mails    " if octets == REAL else f"{octets:7,} octets"
    mine = medians(runs.pop(OURS))
    print(f"{sessions:3} sessions {what}: {_line(mine)}")
    for name, others in runs.items():
        peer = medians(others)
        print(f"    {name:27} {_line(peer)}: {mine.rate / peer.rate:5.2f}", flush=True)
        figures = {
            f"{who}_{key}": getattr(run, key) for key in Run.__slots__ for who, run in (("our", mine), ("peer", peer))
        }
        yield {
            "sessions": sessions,
            "octets": octets or "real",
            "sender": "delivery_client" if octets == REAL else "smtp-source",
            "peer": name,
            "ratio": mine.rate / peer.rate,
            **figures,
        }


def _line(run: Run) -> str:
    return f"{run.rate:7,.0f}/s {run.cpu_ms:5.2f} ms CPU, p50 {run.p50_ms:6.1f} p99 {run.p99_ms:6.1f} ms"


def send(sender: Sender, server: Server, sessions: int, octets: int) -> Run:
    count = MESSAGES[sessions] if octets < 50_000 else MESSAGES[sessions] // 4
    began = processor_time.of_folders(server.folders)
    seconds = smtp_source(server.socket, sessions, count, octets) if octets != REAL else 0.0
    middle = processor_time.of_folders(server.folders)
    replayed = sender.client.replay(server.socket, sessions, count, DOMAIN, sender.mails[octets])
    ended = processor_time.of_folders(server.folders)
    used = ended - middle if octets == REAL else middle - began
    percents = statistics.quantiles(replayed.milliseconds, n=100)
    return Run(count / (seconds or replayed.seconds), 1000 * used / count, percents[49], percents[98])


def smtp_source(socket: Path, sessions: int, count: int, octets: int) -> float:
    """The seconds that it took."""
    begin = time.perf_counter()
    # timeout(1), as subprocess's own looks only every 50 ms whether the program has ended.
    load = (
        f"timeout {LONGEST_SECONDS} smtp-source -L -d -N -s {sessions} -m {count} -l {octets}"
        f" -f sender@example.org -t {LOCAL_PART}@{DOMAIN} unix:{socket}"
    )
    subprocess.run(load.split(), env={**os.environ, "PATH": PATH}, check=True)
    return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main())
