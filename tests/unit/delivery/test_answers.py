"""Outcomes from the lanes' threads: all arrive, however threads and wake-ups interleave."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mda.causes import Cause
from mda.delivery.answers import Answers, settle
from mda.delivery.job import Outcomes

LATE: Outcomes = (Cause.DEADLINE_PASSED,)
BUSY: Outcomes = (Cause.ACCOUNT_BUSY,)


def test_an_answer_is_given_once_and_to_nobody_who_has_left() -> None:
    async def story() -> Outcomes:
        answer: asyncio.Future[Outcomes] = asyncio.get_running_loop().create_future()
        settle(answer, LATE)
        settle(answer, BUSY)
        left: asyncio.Future[Outcomes] = asyncio.get_running_loop().create_future()
        left.cancel()
        settle(left, BUSY)
        return await answer

    assert asyncio.run(story()) == LATE


def test_all_answers_of_many_threads_arrive() -> None:
    async def story() -> list[Outcomes]:
        loop = asyncio.get_running_loop()
        answers = Answers(loop)
        futures: list[asyncio.Future[Outcomes]] = [loop.create_future() for _ in range(4000)]

        def tell(share: list["asyncio.Future[Outcomes]"]) -> None:
            for future in share:
                answers.tell(future, BUSY)

        threads = [threading.Thread(target=tell, args=(futures[start::4],)) for start in range(4)]
        for thread in threads:
            thread.start()
        return await asyncio.wait_for(asyncio.gather(*futures), 30)

    assert asyncio.run(story()) == [BUSY] * 4000


def test_a_batch_wakes_the_loop_once() -> None:
    async def story() -> int:
        loop = asyncio.get_running_loop()
        wake, wakes = loop.call_soon_threadsafe, []

        def counted(callback: Callable[..., Any], *args: Any) -> Any:
            wakes.append(callback)
            return wake(callback, *args)

        loop.call_soon_threadsafe = counted  # type: ignore[assignment,method-assign]
        answers = Answers(loop)
        futures: list[asyncio.Future[Outcomes]] = [loop.create_future() for _ in range(100)]
        for future in futures:
            answers.tell(future, BUSY)
        await asyncio.gather(*futures)
        return len(wakes)

    assert asyncio.run(story()) == 1


def test_an_answer_that_nobody_waits_for_is_passed_over() -> None:
    async def story() -> Outcomes:
        loop = asyncio.get_running_loop()
        answers = Answers(loop)
        gone: asyncio.Future[Outcomes] = loop.create_future()
        gone.cancel()
        waiting: asyncio.Future[Outcomes] = loop.create_future()
        answers.tell(gone, BUSY)
        answers.tell(waiting, BUSY)
        return await waiting

    assert asyncio.run(story()) == BUSY


def test_a_wake_up_that_failed_is_made_up_for() -> None:
    """For want of memory, say: whoever tells something later wakes the loop for both."""

    async def story() -> list[Outcomes]:
        loop = asyncio.get_running_loop()
        wake, answers = loop.call_soon_threadsafe, Answers(loop)
        first: asyncio.Future[Outcomes] = loop.create_future()
        second: asyncio.Future[Outcomes] = loop.create_future()

        def fail(*_: Any) -> Any:
            raise MemoryError

        loop.call_soon_threadsafe = fail  # type: ignore[assignment,method-assign]
        with pytest.raises(MemoryError):
            answers.tell(first, BUSY)
        loop.call_soon_threadsafe = wake  # type: ignore[method-assign]
        answers.tell(second, LATE)
        return list(await asyncio.wait_for(asyncio.gather(first, second), 10))

    assert asyncio.run(story()) == [BUSY, LATE]
