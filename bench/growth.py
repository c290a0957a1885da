"""What millions of messages in the tables cost a delivery: `make bench-growth`, or `python -m bench.growth [PAIRS]
[MESSAGES]`.

Two instances of `mda serve`, each with its own embedded PostgreSQL: one with MESSAGES (10 million) rows of messages
(bench/growth_rows.py), one with nothing in it but the accounts that mail goes to. Real mails are delivered to
both in turn, to 2,000 accounts. Medians of the pairs; needs some 25 GB below /var/tmp, and says so where they are not
there. Writes build/bench/growth.json, a row for each number of sessions. Needs root (the client runs as nobody).
"""

import shutil
import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from bench.delivery_client import Client, write_mails
from bench.delivery_mda import DOMAIN, ours
from bench.growth_rows import fill, tidy
from bench.mime_samples import corpus_messages
from bench.scaffold import PLACE, asked, medians, run_folder, write_results
from mda import settings
from mda.metadata.postgresql.opened import opened
from tests.integration.instance import Instance
from tools.fetch_corpus import DEFAULT_FOLDER

MESSAGES = 10_000_000
OCTETS_A_MESSAGE = 2_500
"""Of disk, with the indexes and the WAL that is kept."""
RUN = 2_000
SESSIONS = (8, 32)
GOAL = 0.9


@dataclass(frozen=True, slots=True)
class Run:
    rate: float
    """Messages a second."""
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Sender:
    client: Client
    mails: Path

    def send(self, mda: Instance, sessions: int) -> Run:
        replayed = self.client.replay(mda.socket, sessions, RUN, DOMAIN, self.mails)
        percents = statistics.quantiles(replayed.milliseconds, n=100)
        return Run(RUN / replayed.seconds, percents[49], percents[98])


def main() -> int:
    arguments = asked(__doc__, pairs=5, messages=MESSAGES)
    pairs, messages = arguments.pairs, arguments.messages
    free, wanted = shutil.disk_usage(PLACE).free, OCTETS_A_MESSAGE * messages
    if free < wanted:
        print(f"{messages:,} messages need {wanted / 1e9:.0f} GB below {PLACE}, where {free / 1e9:.0f} GB are free")
        return 2
    with run_folder() as root, ExitStack() as stack:
        sender = Sender(Client.built(root), write_mails(root / "mails", corpus_messages(DEFAULT_FOLDER)))
        full = stack.enter_context(ours(root / "full"))
        empty = stack.enter_context(ours(root / "empty"))
        for mda in (full, empty):
            sender.send(mda, SESSIONS[-1])
        with opened(settings.load(full.settings)) as engine:
            seconds = fill(engine, messages)
            octets = database_octets(engine)
        with opened(settings.load(empty.settings)) as engine:
            tidy(engine)
        print(f"{messages:,} messages in {seconds:.0f} s, {octets / 1e9:.1f} GB", flush=True)
        rows = [
            {"messages": messages, "fill_seconds": seconds, "database_octets": octets, **compared}
            for compared in (compare(sender, full, empty, sessions, pairs) for sessions in SESSIONS)
        ]
    write_results("growth", rows)
    return 0


def compare(sender: Sender, full: Instance, empty: Instance, sessions: int, pairs: int) -> dict[str, object]:
    runs: dict[str, list[Run]] = {"full": [], "empty": []}
    for pair in range(pairs):
        order = (("full", full), ("empty", empty))
        for name, mda in order if pair % 2 else reversed(order):
            runs[name].append(sender.send(mda, sessions))
    ratio = statistics.median(one.rate / other.rate for one, other in zip(*runs.values(), strict=True))
    print(f"{sessions:3} sessions, full to empty: {ratio:.2f} (goal {GOAL})")
    row: dict[str, object] = {"sessions": sessions, "ratio": ratio, "goal": GOAL}
    for name, of_name in runs.items():
        median = medians(of_name)
        print(f"  {name:5} {median.rate:6,.0f}/s, p50 {median.p50_ms:6.1f} p99 {median.p99_ms:6.1f} ms", flush=True)
        row |= {f"{name}_{key}": getattr(median, key) for key in Run.__slots__}
    return row


def database_octets(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


if __name__ == "__main__":
    sys.exit(main())
