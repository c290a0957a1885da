"""Chores are done now and then, and neither a database that is down nor a bug is a reason to stop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from mda.delivery.housekeeping import keep_house
from mda.errors import DatabaseUnavailable


def test_it_goes_on_after_trouble() -> None:
    asked: list[int] = []

    def forget() -> int:
        asked.append(len(asked))
        if len(asked) <= 2:
            raise DatabaseUnavailable("it is down") if len(asked) == 1 else RuntimeError("a bug")
        return 0

    async def watch() -> None:
        with ThreadPoolExecutor(1) as pool:
            house = asyncio.create_task(keep_house("forget", forget, pool, period_seconds=0.001))
            async with asyncio.timeout(10):
                while len(asked) < 4:
                    assert not house.done()
                    await asyncio.sleep(0.001)
            house.cancel()

    asyncio.run(watch())
    assert len(asked) >= 4
