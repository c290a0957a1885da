"""What a flood to one mailbox costs the others: `make bench-fairness`, or `python -m bench.fairness [PAIRS]`.

Postfix's smtp-source floods `mda serve` in 64 sessions, in turn all to one mailbox and spread over 1,000, while one
more session brings mail to other mailboxes, one after the other, and times each transaction. The same with the row of
one mailbox locked by somebody, and mail for it waiting, against neither, and against a locked row that no mail asks
for: as long as any transaction that has locked something is open, PostgreSQL removes no old version of any row, which
costs whoever changes rows. Medians of the pairs, in milliseconds. Writes build/bench/fairness.json. Needs root and
postfix.
"""

import os
import signal
import smtplib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, func, select, text

from bench.delivery_mda import DOMAIN, ours
from bench.needed import PATH, has_all
from bench.scaffold import asked, run_folder, write_results
from mda import address, settings
from mda.metadata.directory import accounts
from mda.metadata.postgresql.opened import opened
from mda.metadata.schema.tables import account_state
from tests.integration.instance import Instance

SESSIONS, WAITING_SESSIONS = 64, 4
OCTETS = 2_000
ROUND = 1_000
"""Messages of one smtp-source, and the mailboxes of a spread flood."""
WATCHED = range(1_001, 2_000)
SAMPLES = 300
WARM_SECONDS = 2.0
ONE = f"0a@{DOMAIN}"
UNASKED = f"2000a@{DOMAIN}"
"""Beyond what is flooded and watched."""
MESSAGE = b"From: watcher@example.org\r\nSubject: how long?\r\n\r\n" + b"As long as the others let it take.\r\n" * 50

Scene = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Watch:
    """Milliseconds of a transaction to a mailbox that nobody floods, and what was delivered meanwhile."""

    p50: float
    p99: float
    rate: float
    """Messages a second, all together."""


def main() -> int:
    pairs = asked(__doc__, pairs=5).pairs
    if not has_all(("smtp-source",)):
        return 2
    with run_folder() as root, ours(root / "mda") as mda, opened(settings.load(mda.settings)) as engine:
        rows = measure(mda, engine, pairs)
    write_results("fairness", rows)
    return 0


def measure(mda: Instance, engine: Engine, pairs: int) -> list[dict[str, object]]:
    def to_one() -> AbstractContextManager[None]:
        return flood(mda.socket, SESSIONS, ONE)

    def spread() -> AbstractContextManager[None]:
        return flood(mda.socket, SESSIONS, f"a@{DOMAIN}", "-N")

    @contextmanager
    def one_locked() -> Iterator[None]:
        with locked(engine, ONE), flood(mda.socket, WAITING_SESSIONS, ONE), spread():
            yield

    @contextmanager
    def another_locked() -> Iterator[None]:
        with locked(engine, UNASKED), spread():
            yield

    return [
        *compared(mda.socket, engine, pairs, {"flood to one": to_one, "spread": spread}),
        *compared(
            mda.socket, engine, pairs, {"one locked": one_locked, "none": spread, "another locked": another_locked}
        ),
    ]


def compared(socket: Path, engine: Engine, pairs: int, scenes: Mapping[str, Scene]) -> Iterator[dict[str, object]]:
    """All in turn, and a row for each scene that the first one is compared to."""
    watches: dict[str, list[Watch]] = {name: [] for name in scenes}
    for _ in range(pairs):
        for name, begin in scenes.items():
            with begin():
                watches[name].append(watch(socket, engine))
    figures = {name: _figures(name, of_scene) for name, of_scene in watches.items()}
    scene, *bases = scenes
    for base in bases:
        ratio = statistics.median(one.p99 / other.p99 for one, other in zip(watches[scene], watches[base], strict=True))
        print(f"p99, {scene} to {base}: {ratio:.2f}", flush=True)
        yield {"scene": scene, "base": base, "p99_ratio": ratio, scene: figures[scene], base: figures[base]}


def _figures(name: str, watches: Sequence[Watch]) -> dict[str, float]:
    p50, p99, rate = (statistics.median(getattr(one, key) for one in watches) for key in Watch.__slots__)
    print(f"{name:14} p50 {p50:7.1f} ms, p99 {p99:7.1f} ms, {rate:6,.0f} messages/s", flush=True)
    return {"p50_ms": p50, "p99_ms": p99, "messages_a_second": rate}


def watch(socket: Path, engine: Engine) -> Watch:
    before, begun = _delivered(engine), time.perf_counter()
    milliseconds = []
    with smtplib.LMTP(str(socket), timeout=120) as client:
        for number in range(SAMPLES):
            started = time.perf_counter()
            client.sendmail("watcher@example.org", [f"{WATCHED[number]}a@{DOMAIN}"], MESSAGE)
            milliseconds.append(1000 * (time.perf_counter() - started))
    rate = (_delivered(engine) - before) / (time.perf_counter() - begun)
    percents = statistics.quantiles(milliseconds, n=100)
    return Watch(percents[49], percents[98], rate)


@contextmanager
def flood(socket: Path, sessions: int, recipient: str, *options: str) -> Iterator[None]:
    """Mail without end, until the block ends; what is answered 4xx does not stop it."""
    source = (
        f"smtp-source -A -L -d -s {sessions} -m {ROUND} -l {OCTETS} -f sender@example.org {' '.join(options)}"
        f" -t {recipient} unix:{socket}"
    )
    process = subprocess.Popen(
        ["sh", "-c", f"while {source}; do :; done"],
        env={**os.environ, "PATH": PATH},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        time.sleep(WARM_SECONDS)
        if process.poll() is not None:
            raise RuntimeError(f"smtp-source ended: {source}")
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@contextmanager
def locked(engine: Engine, whose: str) -> Iterator[None]:
    """As somebody's psql holds an account's row."""
    account = accounts.find(engine, address.parse(whose))
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        row = select(account_state.c.account_id).where(account_state.c.account_id == account.id)
        connection.execute(row.with_for_update())
        yield


def _delivered(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.sum(account_state.c.message_count))).scalar_one())


if __name__ == "__main__":
    sys.exit(main())
