"""The messages of a worker that are on their way to their shards: who answers them, when, and what follows.

    a lane's thread  tells outcomes; where they complete a message, it is answered there and then
    the event loop   answers with DEADLINE_PASSED what is under way for too long: one alarm, for the oldest
    the event loop   then keeps the books of what has been answered, woken once for a batch (`mda.delivery.books`)

Each is answered once and its books are kept once: it is here from `add` until they are.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import takewhile

from mda.causes import Cause
from mda.delivery.flight import Flight
from mda.delivery.gathered import Gathered, nothing, settle
from mda.delivery.shard_lanes import ShardLanes
from mda.delivery.shares import AccountShares
from mda.logs import logger
from mda.metadata.delivery.deliver import Stored

KeepBooks = Callable[[Sequence[Flight]], object]
"""What is to be done in the event loop for messages that are over."""

_AGAIN_SECONDS = 0.05
"""At least so long from one look to the next: several that are late at about the same time are answered together."""


class Over(Gathered[Flight]):
    """Messages that are over, on their way to the books."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.on_answers: Callable[[], object] = nothing

    def end_batch(self) -> None:
        """By each thread that has told what it knew: `on_answers` lets its answers go, then the loop is woken."""
        self.on_answers()
        self.wake()


class Flights:
    """Made and used in the event loop, but for `tell`."""

    def __init__(self, over: Over, lanes: ShardLanes, shares: AccountShares, keep_books: KeepBooks) -> None:
        """The lanes end the batches of `over`."""
        self._lanes = lanes
        self._shares = shares
        self._keep_books = keep_books
        self._loop = asyncio.get_running_loop()
        self._under_way: dict[Flight, None] = {}
        self._over = over
        over.on_wake = self.catch_up
        self._alarm: asyncio.TimerHandle | None = None

    def add(self, flight: Flight) -> None:
        """From here on it is answered, at its deadline at the latest, and then gives its places back. Raises only
        where it has not been added."""
        if self._alarm is None:
            self._alarm = self._loop.call_later(flight.deadline - time.monotonic(), self._look)
        self._under_way[flight] = None

    def tell(self, flight: Flight, places: Iterable[int], outcomes: Iterable[Stored | Cause]) -> bool:
        """Outcomes of the copies at these places, from any thread; whether it is over by them, and answered."""
        if not flight.tell(places, outcomes, self._lanes.name):
            return False
        try:
            self._over.put(flight)  # before it is answered: what its sender does next finds its books kept
        finally:
            _answer(flight)
        return True

    def end_batch(self) -> None:
        """After what the event loop itself may have told: as the lanes do."""
        if self._over:
            self._over.end_batch()

    def follow(self, on_answers: Callable[[], object]) -> None:
        """From now on `on_answers` is called behind answers, in their thread, once for all that it knew together."""
        self._over.on_answers = on_answers

    def catch_up(self) -> None:
        """Gives back what those that are over held, and has their books kept."""
        over: list[Flight] = []
        while (flight := self._over.pop()) is not None:
            if flight in self._under_way:
                del self._under_way[flight]
                self._let_go(flight)
                over.append(flight)
        if over:
            self._keep_books(over)

    def __len__(self) -> int:
        return len(self._under_way)

    def _let_go(self, flight: Flight) -> None:
        for account_id in flight.accounts:
            self._shares.give_back(account_id)
        if flight.known is not None:
            settle(flight.known, None)

    def _look(self) -> None:
        """Answers what is late. What is over already, and still here, was forgotten for want of memory."""
        self._alarm, now = None, time.monotonic()
        for flight in list(takewhile(lambda flight: flight.deadline <= now, self._under_way)):
            with suppress(Exception):  # the next look tries again
                self._over.put(flight) if flight.is_over else self._give_up(flight)
        try:
            self._over.on_answers()
        finally:
            self.catch_up()
            if oldest := next(iter(self._under_way), None):
                self._alarm = self._loop.call_later(max(oldest.deadline - now, _AGAIN_SECONDS), self._look)

    def _give_up(self, flight: Flight) -> None:
        targets = [copy.target for _, copy in flight.pending()]
        late = {shard_id for target in targets for shard_id in (target.shard_id, target.replica_shard_id)}
        if self.tell(flight, range(len(flight.copies)), (Cause.DEADLINE_PASSED,) * len(flight.copies)):
            for shard_id in late:
                if shard_id is not None:
                    self._lanes.complain(shard_id)


def _answer(flight: Flight) -> None:
    """What goes wrong here is the asker's to see to; the lane's other messages have nothing to do with it."""
    if flight.answer is not None:
        try:
            flight.answer(flight.replies)
        except Exception:
            logger("delivery").exception("answer_not_taken", queue_id=flight.message.envelope.peer.queue_id)
