"""Everything that the crash runs kill: PostgreSQL, `mda serve` and, where there is one, a Postfix, in one folder.

Workers and PostgreSQL run under the fault library, so that their power can be cut. Postfix can't lose power: it
stands for the other machine that keeps what it was not told is stored.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from random import Random

from mda import address
from mda.identifiers import IdentifierSource
from mda.metadata.directory import accounts, shards
from mda.metadata.directory.accounts import NewAccount
from mda.metadata.postgresql.engine import make_engine
from mda.storage.abandoned import seal_abandoned
from mda.storage.shard import Shard, create_shard
from tests.crash.database import Database
from tests.crash.faults import Faults
from tests.crash.power_cut import Lost, cut_power
from tests.crash.processes import children, kill, wait_until
from tests.integration.instance import Instance

DOMAIN = "crash.test"
ADDRESSES = tuple(f"a{number}@{DOMAIN}" for number in range(20))
FIRST, SECOND = "first", "second"
WAIT_SECONDS = 60

OPTIONS = """
[lmtp]
socket_mode = "0666"
[storage]
segment_bytes = 2000000
[delivery]
deadline_seconds = 20
"""
"""Small segments, so that they are begun and sealed all the time."""


class House:
    """Prepared by `prepare`, then started, killed and started again."""

    def __init__(self, folder: Path, serve: Sequence[str] = (), options: str = OPTIONS) -> None:
        """`serve` is a program that serves in place of `mda serve`, its arguments but for the settings' path."""
        self.folder = folder
        self.shards = folder / "mda/shards"
        """The folders of all shards; `mda init` has made the first."""
        self.database = Database(folder)
        self.faults = Faults.make(folder / "faults", (self.shards, self.database.cluster))
        self.instance = Instance(folder / "mda", self.database.url, options, self.faults.environment, tuple(serve))

    def prepare(self) -> None:
        self.database.start(self.faults.environment)
        self.instance.prepare(DOMAIN, ())
        self.add_accounts(ADDRESSES, FIRST)

    def prepare_two_shards(self) -> None:
        """Each has half of the accounts, and a second record of the mail of some of the other's."""
        self.database.start(self.faults.environment)
        self.instance.prepare(DOMAIN, ())
        self.add_shard(SECOND)
        self.add_accounts(ADDRESSES[::2], FIRST)
        self.add_accounts(ADDRESSES[1::2], SECOND)
        self.instance.mda("account", "replica", *ADDRESSES[::6], "--shard", SECOND)
        self.instance.mda("account", "replica", *ADDRESSES[1::6], "--shard", FIRST)

    def add_accounts(self, addresses: Sequence[str], shard: str | None = None) -> None:
        """Without a password, and in one process: a command for each would take longer than the run."""
        engine, identifiers = make_engine(self.database.url), IdentifierSource()
        for one in addresses:
            accounts.add(engine, identifiers, NewAccount(address.parse(one), shard=shard))
        engine.dispose()

    def add_shard(self, name: str) -> Path:
        """Its folder."""
        engine, root = make_engine(self.database.url), self.shards / name
        made = shards.add(engine, IdentifierSource(), name, root.as_uri())
        create_shard(root, made.id, made.name)
        engine.dispose()
        return root

    def start(self) -> None:
        if not self.database.is_running:
            self.database.start(self.faults.environment)
        self.instance.start()

    def seal_abandoned(self) -> None:
        """As the next worker does when it first writes to a shard."""
        engine = make_engine(self.database.url)
        for one in shards.list_all(engine):
            seal_abandoned(Shard(one.id, one.name, one.url))
        engine.dispose()

    # Who is there.

    @property
    def supervisor(self) -> int:
        assert self.instance.process is not None
        return self.instance.process.pid

    @property
    def workers(self) -> tuple[int, ...]:
        return children(self.supervisor)

    # Kills.

    def kill_supervisor(self) -> tuple[int, ...]:
        """Its workers live on until the next one takes over; their ids."""
        if self.instance.process is None:
            return ()
        workers = self.workers
        self.instance.process.kill()
        self.instance.process.wait()
        return workers

    def kill_workers(self) -> None:
        for pid in self.workers:
            kill(pid)

    def kill_mda(self) -> None:
        for pid in self.kill_supervisor():
            kill(pid)

    def cut_power(self, random: Random) -> Lost:
        """The machine of the MDA and PostgreSQL goes dark; on return its disk is as it would be found."""
        self.faults.set()
        self.kill_mda()
        self.database.kill_all()
        wait_until(lambda: not self._writers(), WAIT_SECONDS, "the end of all writers")
        lost = cut_power(self.faults.journal, self.shards, self.database.cluster, random)
        self.database.forget_process()
        return lost

    def _writers(self) -> list[int]:
        """Workers of earlier supervisors, too: whoever has our journal in the environment."""
        mark = str(self.faults.journal).encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if mark in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    continue
        for pid in found:
            kill(pid)
        return found

    def end(self) -> None:
        """Whatever still runs."""
        self.kill_mda()
        self._writers()
        self.database.stop()
