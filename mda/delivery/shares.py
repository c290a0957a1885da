"""How much of the lanes one account may fill: a flood to one mailbox waits in its own sessions, not in front of others.

All rows of an account are written one after the other, under its lock. Without a bound a mailbox that gets a thousand
messages a second would fill the queues of the lanes, and everybody's mail would stand behind it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from mda.delivery.gathered import settle

WAIT_SECONDS = 5.0
"""How long a message waits for a place before its sender is asked to come again: ACCOUNT_BUSY, 451 4.3.2."""


class AccountShares:
    """Places of accounts in this worker's lanes, at most `limit` of each. Belongs to the event loop's thread."""

    def __init__(self, limit: int, wait_seconds: float = WAIT_SECONDS) -> None:
        self._limit = limit
        self._wait_seconds = wait_seconds
        self._taken: dict[int, int] = {}
        self._waiting: dict[int, deque[asyncio.Future[bool]]] = {}

    def take_now(self, account_id: int) -> bool:
        """Takes a place if one is free."""
        taken = self._taken.get(account_id, 0)
        if taken >= self._limit:
            return False
        self._taken[account_id] = taken + 1
        return True

    def take_all_now(self, account_ids: Sequence[int]) -> bool:
        """Takes a place of each of these, which differ, if all have one free."""
        taken, is_done = 0, False
        try:
            while taken < len(account_ids) and self.take_now(account_ids[taken]):
                taken += 1
            is_done = taken == len(account_ids)
        finally:
            if not is_done:
                for account_id in account_ids[:taken]:
                    self.give_back(account_id)
        return is_done

    async def take(self, account_id: int) -> bool:
        """Takes a place, the longest waiting first; False: there was none in time.

        Who takes several must do so in the order of the accounts' ids, or two could wait for each other.
        """
        if self.take_now(account_id):
            return True
        loop = asyncio.get_running_loop()
        place: asyncio.Future[bool] = loop.create_future()
        self._waiting.setdefault(account_id, deque()).append(place)
        alarm = loop.call_later(self._wait_seconds, settle, place, False)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result():
                self.give_back(account_id)
            raise
        finally:
            alarm.cancel()

    def give_back(self, account_id: int) -> None:
        """Gives back a place, to the next who waits for it."""
        waiting = self._waiting.get(account_id)
        while waiting:
            place = waiting.popleft()
            if not waiting:
                del self._waiting[account_id]
            if not place.done():
                place.set_result(True)
                return
        taken = self._taken[account_id] - 1
        if taken:
            self._taken[account_id] = taken
        else:
            del self._taken[account_id]
