"""What has to be done now and then beside deliveries: receipts that are too old to matter are forgotten.

Each worker looks once an hour, at a moment of its own; what another has done already costs one look at an index.
"""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import Executor

from mda.errors import MdaError
from mda.logs import logger

PERIOD_SECONDS = 3600.0


async def keep_house(
    forget_receipts: Callable[[], int], pool: Executor, period_seconds: float = PERIOD_SECONDS
) -> None:
    """Runs until it is cancelled. `forget_receipts` blocks, and returns how many it deleted."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(random.uniform(0, period_seconds))  # noqa: S311 - to spread the workers, not to hide anything
    while True:
        try:
            forgotten = await loop.run_in_executor(pool, forget_receipts)
        except MdaError as error:
            logger("delivery").warning("receipts_kept", error=error.message, remedy=error.remedy)
        else:
            logger("delivery").debug("receipts_forgotten", count=forgotten)
        await asyncio.sleep(period_seconds)
