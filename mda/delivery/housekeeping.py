"""What has to be done now and then beside deliveries, whatever comes of it: a chore that fails is tried again.

    forget receipts    once an hour: those that are too old to matter
    forget traces      once an hour: pages that are too old
    revive             every few seconds: the embedded database, where it has died
    look_out           every few seconds: whether database and shards are there (`lookout`)
    name_late          every few seconds: shards' lanes that wait for a disk or for the database, in the log

Each worker looks at a moment of its own; what another has done already costs next to nothing.
"""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import Executor

from mda.errors import MdaError
from mda.logs import logger

FORGET_SECONDS = 3600.0
REVIVE_SECONDS = 2.0
LATE_LOOK_SECONDS = 5.0


async def keep_house(name: str, chore: Callable[[], int], pool: Executor, period_seconds: float) -> None:
    """Runs until it is cancelled. `chore` blocks, and returns how much it found to do."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(random.uniform(0, period_seconds))  # noqa: S311 - to spread the workers, not to hide anything
    while True:
        try:
            done = await loop.run_in_executor(pool, chore)
        except MdaError as error:
            logger("delivery").warning("chore_failed", chore=name, error=error.message, remedy=error.remedy)
        except Exception:
            logger("delivery").exception("chore_failed", chore=name)
        else:
            log = logger("delivery").info if done else logger("delivery").debug
            log("chore_done", chore=name, count=done)
        await asyncio.sleep(period_seconds)


async def name_late(complain: Callable[[], object]) -> None:
    """Runs until it is cancelled; in the event loop, as what is late may have every thread of a pool wait for it."""
    while True:
        await asyncio.sleep(LATE_LOOK_SECONDS)
        complain()
