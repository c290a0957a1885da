"""The way back of outcomes: from the lanes' threads to the event loop, with one wake-up for all that are told at once.

Each wake-up is a system call and makes the loop's thread rival for the interpreter; a batch has up to a hundred.
"""

import asyncio
from collections import deque
from typing import TypeVar

from mda.delivery.job import Outcomes

T = TypeVar("T")


def settle(answer: "asyncio.Future[T]", value: T) -> None:
    """Gives the answer, unless there is one or nobody waits any more: an alarm and an outcome may come together."""
    if not answer.done():
        answer.set_result(value)


class Answers:
    """Sets futures of one event loop from any thread, in the order told."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._told: deque[tuple[asyncio.Future[Outcomes], Outcomes]] = deque()
        self._is_waking = False

    def tell(self, answer: "asyncio.Future[Outcomes]", outcomes: Outcomes) -> None:
        """From any thread: the answer gets these outcomes soon, unless it is done or cancelled by then."""
        # In this order: who finds a wake-up under way has put its outcomes where that one still looks.
        self._told.append((answer, outcomes))
        if not self._is_waking:
            self._is_waking = True
            try:
                self._loop.call_soon_threadsafe(self._settle)
            except BaseException:
                self._is_waking = False  # no memory for a wake-up: the next who tells something tries again
                raise

    def _settle(self) -> None:
        self._is_waking = False
        while self._told:
            settle(*self._told.popleft())
