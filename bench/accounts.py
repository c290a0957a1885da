"""Mail to accounts by the million, by what PostgreSQL takes of its machine: `make bench-accounts`, or `python -m
bench.accounts [PAIRS] [ACCOUNTS] [MESSAGES]`.

One `mda serve` with its embedded PostgreSQL, ACCOUNTS (a million) accounts and MESSAGES (10 million) rows of messages
(bench/growth_rows.py). RUN real mails go to as many of them, drawn by chance, in 32 sessions and behind a checkpoint;
in turn with a server that is set as PostgreSQL is by itself, and as the embedded one is (docs/decisions/0028). Messages
a second, octets of WAL and processor time a message; medians of the pairs. At the end PostgreSQL is killed behind such
a run, and the seconds told until it is there again. Needs some 25 GB below /var/tmp. Writes build/bench/accounts.json,
a row for each setting. Needs root (the client runs as nobody).
"""

import os
import shutil
import signal
import statistics
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from bench import processor_time
from bench.delivery_client import Client, write_mails
from bench.delivery_mda import DOMAIN, prepared
from bench.growth import MESSAGES, OCTETS_A_MESSAGE
from bench.growth_rows import DOMAIN as MANY
from bench.growth_rows import at_once, fill
from bench.mime_samples import corpus_messages
from bench.scaffold import PLACE, asked, medians, run_folder, write_results
from mda import settings
from mda.metadata.postgresql.opened import opened
from tests.integration.instance import Instance
from tools.fetch_corpus import DEFAULT_FOLDER

ACCOUNTS = 1_000_000
RUN = 40_000
WARM_RUN = 2_000
SESSIONS = 32

BY_ITSELF = {
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "5min",
    "wal_compression": "off",
}
"""PostgreSQL's own defaults of what `embedded_server` sets."""

SETTINGS: Mapping[str, Mapping[str, str]] = {"defaults": BY_ITSELF, "embedded": {}}


@dataclass(frozen=True, slots=True)
class Run:
    rate: float
    """Messages a second."""
    p50_ms: float
    p99_ms: float
    wal_octets: float
    """A message."""
    postgresql_cpu_ms: float
    workers_cpu_ms: float


def main() -> int:
    arguments = asked(__doc__, pairs=3, accounts=ACCOUNTS, messages=MESSAGES)
    free, wanted = shutil.disk_usage(PLACE).free, OCTETS_A_MESSAGE * arguments.messages
    if free < wanted or arguments.accounts < RUN:
        print(f"needs {wanted / 1e9:.0f} GB below {PLACE} ({free / 1e9:.0f} GB are free) and {RUN:,} accounts")
        return 2
    with run_folder() as root:
        client = Client.built(root)
        mails = write_mails(root / "mails", corpus_messages(DEFAULT_FOLDER))
        mda = prepared(root / "mda")
        with closing(mda):
            mda.start()
            client.replay(mda.socket, SESSIONS, WARM_RUN, DOMAIN, mails)
            with opened(settings.load(mda.settings)) as engine:
                seconds = fill(engine, arguments.messages, arguments.accounts)
            mda.stop()
            print(f"{arguments.messages:,} messages of {arguments.accounts:,} accounts in {seconds:.0f} s", flush=True)
            measured(mda, client, mails, BY_ITSELF)  # not counted: the first mail of these accounts, on new pages
            runs: dict[str, list[Run]] = {name: [] for name in SETTINGS}
            for pair in range(arguments.pairs):
                for name in SETTINGS if pair % 2 else reversed([*SETTINGS]):
                    runs[name].append(measured(mda, client, mails, SETTINGS[name]))
            replay_seconds, replayed_octets = killed(mda, client, mails)
        print(f"replay of {replayed_octets / 1e6:.0f} MB after a kill: {replay_seconds:.1f} s")
        sizes = {"accounts": arguments.accounts, "messages": arguments.messages}
        write_results("accounts", [{**sizes, "settings": name, **told(name, of)} for name, of in runs.items()])
        ratio = statistics.median(one.rate / other.rate for one, other in zip(*runs.values(), strict=True))
        print(f"defaults to embedded: {ratio:.2f}")
    return 0


def measured(mda: Instance, client: Client, mails: Path, changed: Mapping[str, str]) -> Run:
    """One run on a server that has just been started, as its settings are read then."""
    with opened(settings.load(mda.settings)) as engine:
        at_once(engine, "ALTER SYSTEM RESET ALL", *(f"ALTER SYSTEM SET {key} = '{changed[key]}'" for key in changed))
    mda.start()
    with opened(settings.load(mda.settings)) as engine:
        for name, value in changed.items():
            if at_once(engine, f"SHOW {name}") != value:
                raise RuntimeError(f"{name} is not {value}")
        client.replay(mda.socket, SESSIONS, WARM_RUN, MANY, mails)
        at_once(engine, "CHECKPOINT")
        before = wal_position(engine), *processor_seconds(mda)
        replayed = client.replay(mda.socket, SESSIONS, RUN, MANY, mails)
        after = wal_position(engine), *processor_seconds(mda)
    mda.stop()
    octets, postgresql, workers = (later - earlier for earlier, later in zip(before, after, strict=True))
    percents = statistics.quantiles(replayed.milliseconds, n=100)
    return Run(
        RUN / replayed.seconds,
        percents[49],
        percents[98],
        octets / RUN,
        postgresql / RUN * 1000,
        workers / RUN * 1000,
    )


def killed(mda: Instance, client: Client, mails: Path) -> tuple[float, float]:
    """Seconds until a killed server is there again, and what it had to replay: as the embedded one is set."""
    with opened(settings.load(mda.settings)) as engine:
        at_once(engine, "ALTER SYSTEM RESET ALL")
    mda.start()
    with opened(settings.load(mda.settings)) as engine:
        at_once(engine, "CHECKPOINT")
        before = wal_position(engine)
        client.replay(mda.socket, SESSIONS, RUN, MANY, mails)
        octets = wal_position(engine) - before
        process = mda.process
        if process is None:
            raise RuntimeError("mda serve has ended")
        postmaster = int((mda.folder / "pg/postmaster.pid").read_text().split()[0])
        for pid in (process.pid, *mda.workers(), postmaster):  # nobody revives it
            os.kill(pid, signal.SIGKILL)
        process.wait()
        mda.process = None
    time.sleep(1)  # until its orphans have gone
    began = time.perf_counter()
    with opened(settings.load(mda.settings)):
        return time.perf_counter() - began, octets


def told(name: str, runs: list[Run]) -> dict[str, float]:
    one = medians(runs)
    print(f"{name:9} {one.rate:6,.0f}/s, p50 {one.p50_ms:5.1f} p99 {one.p99_ms:6.1f} ms, ", end="")
    print(f"WAL {one.wal_octets:6,.0f} octets, CPU PostgreSQL {one.postgresql_cpu_ms:.2f} ", end="")
    print(f"workers {one.workers_cpu_ms:.2f} ms", flush=True)
    return {key: getattr(one, key) for key in Run.__slots__}


def wal_position(engine: Engine) -> float:
    return float(at_once(engine, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))


def processor_seconds(mda: Instance) -> tuple[float, float]:
    """Of PostgreSQL, and of everything else behind the socket."""
    postgresql = processor_time.of_folder(mda.folder / "pg")
    return postgresql, processor_time.of_folder(mda.folder) - postgresql


if __name__ == "__main__":
    sys.exit(main())
