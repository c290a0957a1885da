"""One message whose copies are on their way: their outcomes come together here, told by the lanes' threads.

It is over once, when the last outcome is known or the deadline has passed, whichever comes first.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence

from mda.causes import Cause, Reply
from mda.delivery import replies
from mda.delivery.copies import Copy, Message
from mda.delivery.job import Outcomes
from mda.logs import logger
from mda.metadata.delivery.deliver import Stored

Answer = Callable[[tuple[Reply, ...]], None]
"""Takes one reply per recipient, from the thread that knows first."""


class Flight:
    """`told` may be called by any thread. Once it is over, `outcomes`, `replies` and `seconds` are known."""

    __slots__ = (
        "_lock",
        "_told",
        "accounts",
        "answer",
        "copies",
        "deadline",
        "is_over",
        "known",
        "message",
        "outcomes",
        "replies",
        "seconds",
        "started",
    )

    def __init__(
        self,
        message: Message,
        copies: Sequence[Copy],
        accounts: Collection[int],
        started: float,
        deadline: float,
        answer: Answer | None = None,
    ) -> None:
        self.message = message
        self.copies = copies
        self.accounts = accounts
        """The ids of those whose places in the lanes it has (`shares`)."""
        self.started = started
        """time.monotonic() when the message was complete."""
        self.deadline = deadline
        """time.monotonic() after which nobody waits for the outcomes."""
        self.answer = answer
        self.known: asyncio.Future[None] | None = None
        """Set in the event loop when it is over, where somebody waits there."""
        self.outcomes: Outcomes = ()
        """One per copy, in order."""
        self.replies: tuple[Reply, ...] = ()
        """One per recipient, in order."""
        self.seconds = 0.0
        """From `started` until it was over."""
        self.is_over = False
        self._told: list[Stored | Cause | None] = [
            copy.decision if isinstance(copy.decision, Cause) else None for copy in copies
        ]
        self._lock = threading.Lock()

    def tell(self, places: Iterable[int], outcomes: Iterable[Stored | Cause], shard_name: Callable[[int], str]) -> bool:
        """Outcomes of the copies at these places, where there are none yet; True if the flight is over by it.

        What it raises leaves the flight as it was or with these outcomes, and not over: it may be told again.
        """
        with self._lock:
            if self.is_over:
                return False
            told = self._told
            for place, outcome in zip(places, outcomes, strict=True):
                if told[place] is None:
                    told[place] = outcome
            known = tuple([outcome for outcome in told if outcome is not None])
            if len(known) < len(told):
                return False
            self.replies = self._replies(known, shard_name)
            self.outcomes, self.seconds = known, time.monotonic() - self.started
            self.is_over = True
            return True

    def pending(self) -> list[tuple[int, Copy]]:
        """The copies without an outcome, by place."""
        return [(place, self.copies[place]) for place, outcome in enumerate(self._told) if outcome is None]

    def hinder(self, place: int, cause: Cause) -> None:
        """Before any lane has it: why this copy can't be sent to its lane."""
        self._told[place] = cause

    def _replies(self, outcomes: Outcomes, shard_name: Callable[[int], str]) -> tuple[Reply, ...]:
        try:
            return replies.for_recipients(self.copies, outcomes, shard_name)
        except Exception:
            logger("delivery").exception("replies_not_made", queue_id=self.message.envelope.peer.queue_id)
            return (Cause.INTERNAL_ERROR.reply,) * len({copy.number for copy in self.copies})
