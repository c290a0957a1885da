"""What is killed, by kill -9, and how the rest goes on."""

from collections.abc import Callable, Mapping
from enum import Enum
from random import Random

from tests.crash.house import House
from tests.crash.postfix_load import PostfixLoad
from tests.crash.processes import kill


class Victim(Enum):
    WORKER = "a worker"
    WORKERS = "all workers"
    SUPERVISOR = "the supervisor"
    MDA = "supervisor and workers"
    POSTMASTER = "PostgreSQL's postmaster"
    BACKEND = "a backend of PostgreSQL"
    LMTP = "Postfix's lmtp"
    PIPE = "Postfix's pipe"
    MDA_PIPE = "mda-pipe"


_OF_POSTFIX: Mapping[Victim, str] = {Victim.LMTP: "lmtp", Victim.PIPE: "pipe", Victim.MDA_PIPE: "mda-pipe"}


def choose(random: Random, postfix: PostfixLoad | None) -> Victim:
    return random.choice([one for one in Victim if postfix is not None or one not in _OF_POSTFIX])


def strike(victim: Victim, house: House, postfix: PostfixLoad | None, random: Random) -> None:
    """Kills and returns at once; `recover` starts what does not start by itself."""
    if victim in _OF_POSTFIX:
        assert postfix is not None
        _one_of(postfix.daemons(_OF_POSTFIX[victim]), random)
        return
    kills: Mapping[Victim, Callable[[], object]] = {
        Victim.WORKER: lambda: _one_of(house.workers, random),
        Victim.WORKERS: house.kill_workers,
        Victim.SUPERVISOR: house.kill_supervisor,
        Victim.MDA: house.kill_mda,
        Victim.POSTMASTER: house.database.kill_postmaster,
        Victim.BACKEND: lambda: _one_of(house.database.backends, random),
    }
    kills[victim]()


def recover(house: House) -> None:
    """PostgreSQL and the supervisor are started where they are dead; workers and Postfix see to themselves."""
    if not house.database.is_running:
        house.database.start(house.faults.environment)
    if house.instance.process is None or house.instance.process.poll() is not None:
        house.instance.start()


def _one_of(pids: tuple[int, ...], random: Random) -> None:
    if pids:
        kill(random.choice(pids))
