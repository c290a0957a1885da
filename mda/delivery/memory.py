"""The bound on what deliveries hold in memory: a budget of octets that waits, first come first served.

Waiting here is back-pressure: the LMTP session that waits reads no more, and Postfix's side slows down.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ByteBudget:
    """Octets that may be held at a time; a single message larger than the whole budget is let in alone."""

    def __init__(self, octets: int) -> None:
        self._total = octets
        self._free = octets
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, octets: int) -> AsyncIterator[None]:
        share = min(octets, self._total)
        await self._acquire(share)
        try:
            yield
        finally:
            self._free += share
            self._admit()

    async def _acquire(self, share: int) -> None:
        if not self._waiting and share <= self._free:
            self._free -= share
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((share, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += share
            self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting:
            share, turn = self._waiting[0]
            if turn.cancelled():
                self._waiting.popleft()
            elif share <= self._free:
                self._waiting.popleft()
                self._free -= share
                turn.set_result(None)
            else:
                return
