"""What is done for messages that are answered, in the event loop and the same step for a whole batch: what the next
decisions rest on at once, what an admin is told when the loop comes to it.

A busy machine's caches are cold for what is done once a message. Nothing here can undo a delivery: a step that fails
for one message is logged, and that message's other steps and the other messages go on. Only the figures are of all of
them together, or of none.
"""

import asyncio
from collections.abc import Callable, Sequence

from mda.causes import Cause
from mda.delivery.flight import Flight
from mda.delivery.report import count, log_copies
from mda.delivery.tracer import Tracer
from mda.delivery.warner import Warner
from mda.logs import logger
from mda.metadata.delivery.deliver import Stored


class Books:
    """Made and used in an event loop."""

    def __init__(self, warner: Warner, tracer: Tracer) -> None:
        self._warner = warner
        self._tracer = tracer
        self._loop = asyncio.get_running_loop()

    def keep(self, over: Sequence[Flight]) -> None:
        """Of a batch of messages that are over."""
        _each(self._warn, over)
        _each(_withdraw, over)
        # For when the replies are on their way: whoever waits for them begins the next message meanwhile.
        self._loop.call_soon(self._tell, over)

    def _warn(self, flight: Flight) -> None:
        self._warner.note(flight.copies, flight.outcomes)

    def _tell(self, over: Sequence[Flight]) -> None:
        _each(_log, over)
        _each(self._trace, over)
        try:
            count(over)
        except Exception:
            logger("delivery").exception("books_not_counted", messages=len(over))

    def _trace(self, flight: Flight) -> None:
        self._tracer.note(flight.message, flight.copies, flight.outcomes, flight.started, flight.seconds)


def _each(step: Callable[[Flight], object], over: Sequence[Flight]) -> None:
    for flight in over:
        try:
            step(flight)
        except Exception:
            logger("delivery").exception("books_not_kept", queue_id=flight.message.envelope.peer.queue_id)


def _withdraw(flight: Flight) -> None:
    if all(map(_comes_again, flight.outcomes)):
        flight.message.inspection.withdraw()


def _comes_again(outcome: Stored | Cause) -> bool:
    """Whether it has come before or will: each message is one of its near copies once."""
    return outcome.is_duplicate if isinstance(outcome, Stored) else outcome.reply.is_temporary


def _log(flight: Flight) -> None:
    log_copies(flight.message, flight.copies, flight.outcomes, flight.seconds)
