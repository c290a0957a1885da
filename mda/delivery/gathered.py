"""What other threads hand to an event loop, with one wake-up for all that comes at once.

Each wake-up is a system call and makes the loop's thread rival for the interpreter; a batch has up to a hundred.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


def settle(answer: "asyncio.Future[T]", value: T) -> None:
    """Gives the answer, unless there is one or nobody waits any more: an alarm and an outcome may come together."""
    if not answer.done():
        answer.set_result(value)


class Gathered(Generic[T]):
    """`on_wake` is called in the loop's thread when something is there, and empties it by `pop`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.on_wake: Callable[[], object] = nothing
        self._waiting: deque[T] = deque()
        self._is_waking = False

    def put(self, item: T) -> None:
        """From any thread, in the order put. A `wake` is to follow."""
        self._waiting.append(item)

    def wake(self) -> None:
        """From any thread: `on_wake` follows, if something is there. Who finds a wake-up under way has put its item
        where that one still looks. Where there is no memory for a wake-up, the next who comes tries again."""
        if self._waiting and not self._is_waking:
            self._is_waking = True
            try:
                self._loop.call_soon_threadsafe(self._wake)
            except Exception:
                self._is_waking = False

    def pop(self) -> T | None:
        """The next item; None: that was all. In the loop's thread."""
        return self._waiting.popleft() if self._waiting else None

    def __len__(self) -> int:
        return len(self._waiting)

    def _wake(self) -> None:
        self._is_waking = False
        self.on_wake()


def nothing() -> object:
    """For a callback that nobody has set."""
    return None
