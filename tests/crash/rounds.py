"""The rounds of a crash run: mail arrives, something is killed, it all begins again, and the store is held against what
was acknowledged.

    with prepared(folder, seed, has_postfix=True) as run:
        run.rounds(kills=20, messages=0)
        run.settle()
"""

import errno
import math
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from mda.metadata.postgresql.engine import make_engine
from tests.crash.checker import Finding, check_all, check_new
from tests.crash.commits import check_commits, open_segments
from tests.crash.faults import Call, Effect, Role, Rule
from tests.crash.figures import Figures, say
from tests.crash.house import ADDRESSES, DOMAIN, House
from tests.crash.ledger import Ledger
from tests.crash.load import Load
from tests.crash.postfix_load import PIPE_DOMAIN, PostfixLoad, setup
from tests.crash.processes import wait_until
from tests.crash.victims import choose, recover, strike
from tests.integration.instance import STOP_SECONDS
from tests.integration.postfix import running

SESSIONS = 24
SETTLE_SECONDS = 120
FEWEST_TRIES = 5
"""Of a check that faults break off."""

FULL_CHECK_EVERY = 50
FEWEST_MAILS = 100
"""Between two kills, on average."""
SOON = 0.1
"""How often the next kill comes while everything is just beginning again."""

FAULTS = (
    Rule(Call.WRITE, ".seg", Effect.FAIL, errno.EIO),
    Rule(Call.WRITE, ".seg", Effect.FAIL, errno.ENOSPC, times=5),
    Rule(Call.WRITE, ".seg", Effect.SHORT, times=3),
    Rule(Call.FDATASYNC, ".seg", Effect.FAIL, errno.EIO),
    Rule(Call.FDATASYNC, ".seg", Effect.NONE, times=3, delay_seconds=0.2),
    Rule(Call.FSYNC, "shards/", Effect.FAIL, errno.EIO),
    Rule(Call.FSYNC, "shards/", Effect.NONE, times=3, delay_seconds=0.2),
    Rule(Call.OPEN, ".seg", Effect.FAIL, errno.EMFILE),
    Rule(Call.RENAME, ".seal", Effect.FAIL, errno.EIO),
    Rule(Call.WRITE, "pg_wal/", Effect.FAIL, errno.ENOSPC, roles=Role.POSTGRES),
    Rule(Call.WRITE, "base/", Effect.FAIL, errno.ENOSPC, times=3, roles=Role.POSTGRES),
    Rule(Call.FDATASYNC, "pg_wal/", Effect.NONE, times=3, delay_seconds=0.2, roles=Role.POSTGRES),
)
"""One of them strikes in every other round, at a call that is drawn."""


class Run:
    """One house, its loads and its figures; `rounds` until there were enough kills and messages."""

    def __init__(self, house: House, ledger: Ledger, lmtp: Load, random: Random) -> None:
        self.figures = Figures()
        self.house = house
        self.ledger = ledger
        self.postfix: PostfixLoad | None = None
        self.lmtp = lmtp
        self._random = random
        self._engine = make_engine(house.database.url)
        self._checked = 0

    def rounds(self, kills: int, messages: int, seconds: float = math.inf) -> None:
        """So many kills and messages at least, or as many as fit into the time."""
        while self.figures.total < kills or len(self.ledger.acknowledged) < messages:
            if time.monotonic() > self.figures.started_at + seconds:
                return
            missing = messages - len(self.ledger.acknowledged)
            self.let_run(max(FEWEST_MAILS, missing // max(1, kills - self.figures.total)))
            self._kill()
            if self._random.random() < 0.5:
                self._plant_fault()  # now, so that it may also strike what the next workers begin with
            self._recover()
            self._check()
            if self.figures.findings:
                return

    def settle(self) -> None:
        """Everything that was sent finds its place; then, at rest, every byte is looked at, and every segment."""
        self.house.faults.set()
        recover(self.house)
        is_done = self.lmtp.finish(SETTLE_SECONDS)
        if self.postfix is not None:
            is_done = self.postfix.finish(SETTLE_SECONDS) and is_done
        assert is_done or self.figures.findings, f"mail is left over after {SETTLE_SECONDS} s"
        # One that is stopped before it took over leaves a killed one's workers serving for ORPHAN_SECONDS.
        wait_until(self.house.instance.has_taken_over, SETTLE_SECONDS, "the supervisor that takes over")
        self.house.instance.stop()
        self._seal()
        with self._asking() as connection:
            self.figures.findings += check_all(connection, self.house.shards, self.ledger, is_settled=is_done)
            self.figures.commits, found = check_commits(connection, self.house.shards)
        self.figures.findings += found
        self._engine.dispose()

    def _seal(self) -> None:
        """As the next workers would. The workers of a supervisor that was killed hold theirs for a moment longer."""
        deadline = time.monotonic() + STOP_SECONDS
        self.house.seal_abandoned()
        while open_segments(self.house.shards) and time.monotonic() < deadline:
            time.sleep(0.1)
            self.house.seal_abandoned()

    def _plant_fault(self) -> None:
        rule = self._random.choice(FAULTS)
        is_frequent = bool(rule.calls & (Call.WRITE | Call.FDATASYNC))
        self.house.faults.set(replace(rule, skip=self._random.randrange(8 if is_frequent else 3)))

    def let_run(self, mails: int = FEWEST_MAILS) -> None:
        """About so many mails arrive, or sometimes none, then a moment passes that nobody chose."""
        if self._random.random() < SOON:
            time.sleep(self._random.random() * 0.2)
            return
        wanted = len(self.ledger.acknowledged) + self._random.randrange(mails // 4, 2 * mails)
        deadline = time.monotonic() + SETTLE_SECONDS
        while len(self.ledger.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"no mail arrives:\n{self.house.instance.log.read_text()[-3000:]}"
            time.sleep(0.01)
        time.sleep(self._random.random() * 0.05)

    def _kill(self) -> None:
        self.figures.faults += self.house.faults.fired()
        victim = choose(self._random, self.postfix)
        strike(victim, self.house, self.postfix, self._random)
        self.figures.kills[victim] += 1
        if self.figures.total % 2:
            time.sleep(self._random.random() * 0.1)
            lost = self.house.cut_power(self._random)
            self.figures.power_cuts += 1
            self.figures.octets_lost += lost.octets
            self.figures.names_lost += lost.names
        self.house.faults.set()

    def _recover(self) -> None:
        recover(self.house)
        if self.postfix is not None:
            self.postfix.postfix.flush()
        self._engine.dispose()

    def _check(self) -> None:
        said = self.ledger.since(self._checked)
        self._checked += len(said)
        is_full = self.figures.total % FULL_CHECK_EVERY == 0
        if is_full:
            found = self.ask(lambda rows: check_all(rows, self.house.shards, self.ledger, is_settled=False))
        else:
            found = self.ask(lambda rows: check_new(rows, self.house.shards, self.ledger, said))
        self.figures.findings += found
        say(self.figures, self.ledger)

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        """For a check, which reads bodies between its questions: for minutes where there are a hundred thousand."""
        with self._engine.connect() as connection:
            connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
            yield connection

    def ask(self, check: Callable[[Connection], list[Finding]]) -> list[Finding]:
        """The check's findings; from the start again while PostgreSQL is not there yet.

        A fault that strikes PostgreSQL's own recovery (ENOSPC at its checkpoint) ends it for good: it is started again.
        """
        deadline, struck = time.monotonic() + SETTLE_SECONDS, 0
        while True:
            try:
                with self._asking() as connection:
                    return check(connection)
            except DBAPIError:
                self._engine.dispose()
                struck += 1
                # A check of everything may take longer than all of that before the first fault strikes it.
                if time.monotonic() > deadline and struck >= FEWEST_TRIES:
                    raise
                recover(self.house)
                time.sleep(0.1)


@contextmanager
def loaded(house: House, random: Random) -> Iterator[Run]:
    """A house under load from LMTP clients; its processes are ended here, whatever happens."""
    ledger = Ledger()
    try:
        house.prepare_two_shards()
        house.start()
        load = Load(house.instance.socket, ADDRESSES, ledger, SESSIONS, random.getrandbits(32))
        load.start()
        yield Run(house, ledger, load, random)
    finally:
        house.end()


@contextmanager
def prepared(folder: Path, seed: int, has_postfix: bool) -> Iterator[Run]:
    """The same in `folder` (the caller's to remove), with mail through Postfix too."""
    with loaded(House(folder), Random(seed)) as run:
        run.figures.seed = seed
        if not has_postfix:
            yield run
            return
        program = folder / "mda-pipe"
        shutil.copy(Path(sys.executable).parent / "mda-pipe", program)
        instance = run.house.instance
        instance.mda("domain", "add", PIPE_DOMAIN)
        run.house.add_accounts([f"p@{PIPE_DOMAIN}"])
        with running(setup(instance.socket, program, DOMAIN)) as postfix:
            run.postfix = PostfixLoad(postfix, (*ADDRESSES[:4], f"p@{PIPE_DOMAIN}"), run.ledger, seed)
            run.postfix.start()
            yield run
