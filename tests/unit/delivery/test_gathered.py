"""What threads hand to the event loop: all of it arrives, however threads and wake-ups interleave."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mda.delivery.gathered import Gathered, settle


class Heap:
    """A queue that is emptied into a list, which is over when `count` are there."""

    def __init__(self, count: int) -> None:
        self.queue: Gathered[int] = Gathered(asyncio.get_running_loop())
        self.queue.on_wake = self._take
        self.taken: list[int] = []
        self.is_full = asyncio.Event()
        self._count = count

    def _take(self) -> None:
        while (one := self.queue.pop()) is not None:
            self.taken.append(one)
        if len(self.taken) == self._count:
            self.is_full.set()


def test_an_answer_is_given_once_and_to_nobody_who_has_left() -> None:
    async def story() -> int:
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        settle(answer, 1)
        settle(answer, 2)
        left: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        left.cancel()
        settle(left, 2)
        return await answer

    assert asyncio.run(story()) == 1


def test_all_of_many_threads_arrive() -> None:
    async def story() -> list[int]:
        heap = Heap(4000)

        def tell(share: range) -> None:
            for number in share:
                heap.queue.put(number)
                heap.queue.wake()

        threads = [threading.Thread(target=tell, args=(range(start, 4000, 4),)) for start in range(4)]
        for thread in threads:
            thread.start()
        await asyncio.wait_for(heap.is_full.wait(), 30)
        return heap.taken

    assert sorted(asyncio.run(story())) == list(range(4000))


def test_a_batch_wakes_the_loop_once_and_nothing_wakes_it_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> tuple[list[int], int]:
        loop, wakes = asyncio.get_running_loop(), []
        wake = loop.call_soon_threadsafe

        def counted(callback: Callable[..., Any], *args: Any) -> Any:
            wakes.append(callback)
            return wake(callback, *args)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        heap = Heap(100)
        heap.queue.wake()
        for number in range(100):
            heap.queue.put(number)
            heap.queue.wake()
        await asyncio.wait_for(heap.is_full.wait(), 10)
        return heap.taken, len(wakes)

    assert asyncio.run(story()) == (list(range(100)), 1)


def test_a_wake_up_that_failed_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """For want of memory, say: whoever puts something later wakes the loop for both."""

    async def story() -> list[int]:
        heap = Heap(2)

        def fail(*_: Any) -> Any:
            raise MemoryError

        with monkeypatch.context() as patches:
            patches.setattr(asyncio.get_running_loop(), "call_soon_threadsafe", fail)
            heap.queue.put(1)
            heap.queue.wake()
        heap.queue.put(2)
        heap.queue.wake()
        await asyncio.wait_for(heap.is_full.wait(), 10)
        return heap.taken

    assert asyncio.run(story()) == [1, 2]
