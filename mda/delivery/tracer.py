"""Remembers what happened to each message (`mda.trace`), beside the deliveries: a thread writes it page by page.

A delivery never waits for its trace and never fails by it: what can't be written in time is dropped and counted.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice

from mda.antispam.verdict import Category, Reason
from mda.causes import Cause
from mda.delivery.copies import Copy, Message
from mda.delivery.metered import Stamp, Stopwatch
from mda.delivery.plan import Placement
from mda.envelope import Peer, Recipient
from mda.errors import MdaError
from mda.logs import logger
from mda.metadata.delivery.deliver import Stored
from mda.metrics import recorder
from mda.metrics.families import TRACES_LOST
from mda.trace import REASONS_KEPT, CopyTrace, MessageTrace, Page, to_page

PAGE_SECONDS = 2.0
PAGE_ENTRIES = 500
MOST_WAITING = 10_000


class Tracer:
    """Takes notes from the event loop; the thread is woken for a page, never for a note.
    `close` writes what is left."""

    def __init__(self, write: Callable[[Page], None], stopwatch: Stopwatch, shard_name: Callable[[int], str]) -> None:
        self._write = write
        self._stopwatch = stopwatch
        self._shard_name = shard_name
        self._waiting: deque[MessageTrace] = deque()
        self._is_due = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
        self._thread.start()

    def note(
        self, message: Message, copies: Sequence[Copy], outcomes: Sequence[Stored | Cause], seconds: float
    ) -> None:
        """What became of a message, `seconds` after it was complete. Made at once: what it is made of would be held,
        and looked through by the garbage collector, until the page is written."""
        try:
            self._put(self._entry(message, copies, outcomes, seconds))
        except Exception:
            logger("delivery").exception("trace_not_made")
            recorder.add(TRACES_LOST)

    def refused(self, recipient: Recipient, reverse_path: str, peer: Peer, cause: Cause) -> None:
        """A recipient that was refused before DATA."""
        copy = CopyTrace(recipient=str(recipient.address), original=recipient.original, result=cause.name.lower())
        self._put(MessageTrace(time.time(), reverse_path, (copy,), *_peer(peer)))

    def close(self) -> None:
        self._is_closing = True
        self._is_due.set()
        self._thread.join(timeout=5)  # one that waits for the server ends with the process

    def _put(self, entry: MessageTrace) -> None:
        if len(self._waiting) >= MOST_WAITING:
            recorder.add(TRACES_LOST)
            return
        self._waiting.append(entry)
        if len(self._waiting) == PAGE_ENTRIES:
            self._is_due.set()

    def _run(self) -> None:
        while not self._is_closing:
            self._is_due.wait(PAGE_SECONDS)
            self._is_due.clear()
            while self._waiting and self._write_page():
                pass

    def _write_page(self) -> bool:
        """Whether to go on; False where the database is away, and the page waits for the next time."""
        page = list(islice(self._waiting, PAGE_ENTRIES))
        try:
            self._write(to_page(page))
        except MdaError as error:
            logger("delivery").warning("trace_not_written", entries=len(page), error=error.message)
            return False
        except Exception:
            logger("delivery").exception("trace_not_written", entries=len(page))
            recorder.add(TRACES_LOST, amount=len(page))
        for _ in page:
            self._waiting.popleft()
        return True

    def _entry(
        self, message: Message, copies: Sequence[Copy], outcomes: Sequence[Stored | Cause], seconds: float
    ) -> MessageTrace:
        inspection = message.inspection
        began = time.monotonic() - seconds + inspection.seconds
        return MessageTrace(
            time.time(),
            message.envelope.reverse_path,
            tuple(
                self._copy(copy, outcome, self._stopwatch.take(copy.content_id), began)
                for copy, outcome in zip(copies, outcomes, strict=True)
            ),
            *_peer(message.envelope.peer),
            inspection.message.message_id or "",
            inspection.size,
            seconds,
            inspection.seconds,
        )

    def _copy(self, copy: Copy, outcome: Stored | Cause, stamp: Stamp | None, began: float) -> CopyTrace:
        verdict = copy.decision.verdict if isinstance(copy.decision, Placement) else None
        is_stored = isinstance(outcome, Stored)
        return CopyTrace(
            recipient=str(copy.recipient.address),
            original=copy.recipient.original,
            account=copy.target.address,
            account_id=copy.target.account_id,
            content_id=outcome.content_id if isinstance(outcome, Stored) else 0,
            result=_result(outcome),
            mailbox=outcome.mailbox if isinstance(outcome, Stored) else "",
            uid=outcome.uid if isinstance(outcome, Stored) else 0,
            shard=self._shard_name(copy.target.shard_id) if is_stored else "",
            is_spam=None if verdict is None else verdict.is_spam,
            score=None if verdict is None else verdict.score,
            reasons=tuple((_label(one.category, one.part), one.weight) for one in verdict.reasons[:REASONS_KEPT])
            if verdict
            else (),
            shard_seconds=max(0.0, stamp.began - began) if stamp else 0,
            commit_seconds=stamp.ended - stamp.began if stamp else 0,
            batch=stamp.copies if stamp else 0,
        )


def _peer(peer: Peer) -> tuple[str, str, str, str, str, str]:
    """In the order of `MessageTrace`."""
    return peer.queue_id, peer.name, peer.client_name, peer.client_address, peer.helo, peer.protocol


@cache
def _label(category: Category | None, part: str) -> str:
    """`Reason.label`, made once for all messages: it is most of what a trace costs."""
    return Reason(category, 0, 0.0, part).label


def _result(outcome: Stored | Cause) -> str:
    if isinstance(outcome, Cause):
        return outcome.name.lower()
    return "redelivered" if outcome.is_duplicate else "delivered"
