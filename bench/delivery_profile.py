"""Where the microseconds of a delivery go, and what bounds it: `make bench-profile`, or `python -m
bench.delivery_profile [SESSIONS]`.

Real mails are delivered by LMTP in SESSIONS (32) sessions to `mda serve`. First the processor time of its workers and
of PostgreSQL is read for a message; then py-spy samples the workers for who holds the interpreter's lock, by stage: the
innermost function of a sample that lies in one of the stages' folders. What a worker uses beside the lock is C that
lets it go (parse, score, compress, digest) and the kernel. The limits are each lane alone: durable appends (write,
fdatasync) and transactions of the hot statement a second, by the messages in one batch. Writes
build/bench/profile.json. Needs root and py-spy.
"""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep

from msgspec.structs import replace

from bench import processor_time, storage_append
from bench.delivery_client import Client, write_mails
from bench.delivery_mda import ACCOUNTS, DOMAIN, ours
from bench.mime_samples import corpus_messages
from bench.scaffold import asked, run_folder, write_results
from mda import settings
from mda.identifiers import IdentifierSource
from mda.metadata.delivery.deliver import Committer, Delivery, Stored
from mda.metadata.directory import accounts
from mda.metadata.postgresql.engine import database
from mda.metadata.postgresql.opened import opened
from tests.integration.instance import Instance
from tests.unit.metadata.deliveries import make_delivery
from tools.fetch_corpus import DEFAULT_FOLDER

SECONDS = 8
HERTZ = 200
RUN = ACCOUNTS - 1
BATCHES = (1, 4, 16, 64)
ROWS = 2_000
TARGETS = 500
"""Accounts that get them."""

STAGES: Mapping[str, str] = {
    "mda/servers/": "LMTP: commands, replies",
    "mda/delivery/lookup": "look-up of recipients",
    "mda/metadata/directory/": "look-up of recipients",
    "mda/delivery/inspect": "parse and score",
    "mda/binding/": "parse and score",
    "mda/mime/": "parse and score",
    "mda/antispam/": "verdict and its reasons",
    "mda/delivery/tracer": "trace",
    "mda/trace": "trace",
    "mda/metadata/delivery/traces": "trace",
    "mda/delivery/report": "log line",
    "mda/delivery/shard_lane": "bodies: lane, record, write",
    "mda/storage/": "bodies: lane, record, write",
    "mda/delivery/commit_lane": "rows: lane, arrays, statement",
    "mda/metadata/": "rows: lane, arrays, statement",
    "mda/delivery/rows": "rows: lane, arrays, statement",
    "mda/delivery/": "plan, receipts, queues between lanes",
}
"""By the beginning of a file's path; the first that fits."""
REST = "event loop"


def main() -> int:
    sessions = asked(__doc__, sessions=32).sessions
    mails = corpus_messages(DEFAULT_FOLDER)
    with run_folder() as root:
        client, written = Client.built(root), write_mails(root / "mails", mails)
        with ours(root / "mda") as mda:
            client.replay(mda.socket, sessions, RUN, DOMAIN, written)
            result = usage(client, mda, sessions, written)
            with load(client, mda, sessions, written) as delivered:
                result["held_us"] = held(mda, delivered, root)
            result["transactions"] = transactions(mda)
        result["appends"] = storage_append.measure(root, mails, 1)
    write_results("profile", result)
    print(json.dumps({key: result[key] for key in result if key != "appends"}, indent=2))
    return 0


def usage(client: Client, mda: Instance, sessions: int, mails: Path) -> dict[str, object]:
    """Rate, and microseconds of processor time a message."""
    workers = mda.workers()
    before, all_before = processor_time.of_processes(workers), processor_time.of_folder(mda.folder)
    seconds = client.replay(mda.socket, sessions, RUN, DOMAIN, mails).seconds
    of_workers = processor_time.of_processes(workers) - before
    of_all = processor_time.of_folder(mda.folder) - all_before
    scale = 1e6 / RUN
    return {
        "sessions": sessions,
        "rate": RUN / seconds,
        "workers_us": of_workers * scale,
        "postgresql_us": (of_all - of_workers) * scale,
    }


@contextmanager
def load(client: Client, mda: Instance, sessions: int, mails: Path) -> Iterator[list[int]]:
    """Mail until the block ends; the number of messages of each run that is over."""
    is_over, delivered = threading.Event(), list[int]()

    def send() -> None:
        while not is_over.is_set():
            client.replay(mda.socket, sessions, RUN // 8, DOMAIN, mails)
            delivered.append(RUN // 8)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        sleep(1)
        yield delivered
    finally:
        is_over.set()
        thread.join()


def held(mda: Instance, delivered: list[int], folder: Path) -> dict[str, float]:
    """Microseconds a message for which the workers hold the interpreter's lock, by stage."""
    files = {pid: folder / f"{pid}.raw" for pid in mda.workers()}
    before, begun = sum(delivered), perf_counter()
    spies = [
        subprocess.Popen(
            f".venv/bin/py-spy record --gil --rate {HERTZ} --duration {SECONDS} --format raw"
            f" --output {file} --pid {pid}".split(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for pid, file in files.items()
    ]
    statuses = [spy.wait() for spy in spies]
    if any(statuses):
        raise RuntimeError("py-spy could not look into a worker")
    messages = (sum(delivered) - before) * SECONDS / (perf_counter() - begun)
    samples: Counter[str] = Counter()
    for file in files.values():
        for line in file.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            samples[stage_of(stack)] += int(count)
    return {stage: round(1e6 * count / HERTZ / messages, 1) for stage, count in samples.most_common()}


def stage_of(stack: str) -> str:
    for frame in reversed(stack.split(";")):
        path = frame.rpartition(" (")[2]
        if "worker.py" in path:
            break
        for beginning, stage in STAGES.items():
            if path.startswith(beginning):
                return stage
    return REST


def transactions(mda: Instance) -> list[dict[str, float]]:
    """Of the hot statement alone, while nothing is delivered: milliseconds of one, and rows a second."""
    loaded = settings.load(mda.settings)
    identifiers, rows = IdentifierSource(), []
    with opened(loaded) as engine:
        to = [(found.id, accounts.shard_of(engine, found.id)) for found in accounts.list_all(engine)[:TARGETS]]
    with database(loaded) as url:
        committer = Committer(url, loaded.database, identifiers)
        for batch in (BATCHES[-1], *BATCHES):  # once to warm it
            count = max(ROWS * batch // BATCHES[-1], 300)
            made = [delivery(identifiers, *to[number % len(to)]) for number in range(count)]
            begun = perf_counter()
            for first in range(0, count, batch):
                if not all(isinstance(one, Stored) for one in committer.commit(made[first : first + batch])):
                    raise RuntimeError("a delivery was not stored")
            seconds = perf_counter() - begun
            rows.append({"batch": batch, "ms": 1000 * seconds * batch / count, "rows_s": count / seconds})
        committer.close()
    return rows[1:]


def delivery(identifiers: IdentifierSource, account_id: int, shard_id: int) -> Delivery:
    content_id = identifiers.next()
    made = make_delivery(account_id, content_id.to_bytes(16, "big"), content_id=content_id)
    return replace(made, shard_id=shard_id, preview="x" * 200, body_structure=b"(" * 300, structure=b"s" * 100)


if __name__ == "__main__":
    sys.exit(main())
