"""Delivery by LMTP against Dovecot's: `make bench-delivery`, or `python -m bench.delivery [--quick] [PAIRS]`.

Postfix's own smtp-source sends the same number of messages to `mda serve` doing its whole work (parse, classify,
compress, record, with its PostgreSQL) and to a Dovecot with sdbox, in turn in the same run; sessions stay open over
messages, as Postfix keeps them. Each message goes to another account. Cells are sessions, octets a message and
Dovecot's mail_fsync (always is what our durability is; optimized is its default). Rates are messages a second, medians
of the pairs, CPU is that of each tree of processes, PostgreSQL's included. Writes build/bench/delivery.json, a row a
cell. Needs root, postfix and dovecot-lmtpd; what is missing is named.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import processor_time
from bench.delivery_dovecot import Dovecot
from bench.delivery_mda import DOMAIN, LOCAL_PART, ours
from bench.mime_programs import OUTPUT
from bench.needed import PATH, has_all
from tests.integration.instance import Instance

CELLS = ((1, 2_000), (8, 2_000), (32, 2_000), (64, 2_000), (8, 10_000), (8, 100_000))
QUICK_CELLS = ((1, 2_000), (8, 2_000), (32, 2_000))
MESSAGES: Mapping[int, int] = {1: 600, 8: 2_000, 32: 2_000, 64: 2_000}
"""By sessions; no more than there are accounts."""


@dataclass(frozen=True, slots=True)
class Run:
    rate: float
    """Messages a second."""
    cpu_ms: float
    """Of all processes, a message."""


def main() -> int:
    arguments = sys.argv[1:]
    is_quick = "--quick" in arguments
    numbers = [int(argument) for argument in arguments if argument.isdigit()]
    pairs = numbers[0] if numbers else 1 if is_quick else 5
    if not has_all(("smtp-source", "dovecot")):
        return 2
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="mda-bench-", dir="/var/tmp") as folder:
        root = Path(folder)
        root.chmod(0o755)
        with ours(root / "mda") as mda, peers(root) as dovecots:
            for sessions, octets in QUICK_CELLS if is_quick else CELLS:
                rows += cell(mda, dovecots, sessions, octets, pairs)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "delivery.json").write_text(json.dumps(rows, indent=2) + "\n")
    return 0


def cell(
    mda: Instance, dovecots: Mapping[str, Dovecot], sessions: int, octets: int, pairs: int
) -> Iterator[dict[str, object]]:
    runs: dict[str, list[Run]] = {"mda": [], **{name: [] for name in dovecots}}
    for _ in range(pairs):
        runs["mda"].append(send(mda.socket, mda.folder, sessions, octets))
        for name, dovecot in dovecots.items():
            runs[name].append(send(dovecot.socket, dovecot.folder, sessions, octets))
    our_rate, our_cpu = _medians(runs["mda"])
    for name in dovecots:
        rate, cpu = _medians(runs[name])
        print(
            f"{sessions:3} sessions {octets:7,} octets: {our_rate:7,.0f}/s {our_cpu:5.2f} ms,"
            f" Dovecot {name:9} {rate:7,.0f}/s {cpu:5.2f} ms: {our_rate / rate:5.2f}",
            flush=True,
        )
        yield {
            "sessions": sessions,
            "octets": octets,
            "peer": f"dovecot-{name}",
            "our_rate": our_rate,
            "peer_rate": rate,
            "ratio": our_rate / rate,
            "our_cpu_ms": our_cpu,
            "peer_cpu_ms": cpu,
        }


def _medians(runs: list[Run]) -> tuple[float, float]:
    return statistics.median(run.rate for run in runs), statistics.median(run.cpu_ms for run in runs)


def send(socket: Path, folder: Path, sessions: int, octets: int) -> Run:
    count = MESSAGES[sessions] if octets < 50_000 else MESSAGES[sessions] // 4
    before = processor_time.of_folder(folder)
    begin = time.perf_counter()
    load = f"smtp-source -L -d -N -s {sessions} -m {count} -l {octets} -f sender@example.org -t {LOCAL_PART}@{DOMAIN}"
    subprocess.run(
        [*load.split(), f"unix:{socket}"],
        env={**os.environ, "PATH": PATH},
        check=True,
        timeout=300,
    )
    seconds = time.perf_counter() - begin
    return Run(count / seconds, 1000 * (processor_time.of_folder(folder) - before) / count)


@contextmanager
def peers(root: Path) -> Iterator[Mapping[str, Dovecot]]:
    dovecots = {fsync: Dovecot(root / fsync, fsync) for fsync in ("always", "optimized")}
    stops: list[Callable[[], None]] = []
    try:
        for dovecot in dovecots.values():
            dovecot.start()
            stops.append(dovecot.stop)
        yield dovecots
    finally:
        for stop in stops:
            stop()


if __name__ == "__main__":
    sys.exit(main())
