"""Remembers what happened to each message (`mda.trace`), beside the deliveries: a thread writes it page by page.

A delivery never waits for its trace and never fails by it: what can't be written in time is dropped and counted. It
leaves no more than a note of what is known; entries are made of the notes page by page, since a busy machine's caches
are cold for what is done once a delivery.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from mda.antispam.verdict import Verdict
from mda.causes import Cause
from mda.delivery.copies import Copy, Message
from mda.delivery.metered import Stamp, Stopwatch
from mda.delivery.plan import Placement
from mda.envelope import Envelope, Peer, Recipient
from mda.errors import MdaError
from mda.logs import logger
from mda.metadata.delivery.deliver import Stored
from mda.metrics import recorder
from mda.metrics.families import TRACES_LOST
from mda.trace import LONGEST_NAME, REASONS_KEPT, CopyTrace, MessageTrace, Page, to_page

PAGE_SECONDS = 2.0
PAGE_ENTRIES = 1000
MOST_WAITING = 10_000


class _CopyNote(NamedTuple):
    """Of one copy, without what would keep a message's octets or a user's weights in memory."""

    recipient: Recipient
    account: str
    account_id: int
    shard_id: int
    outcome: Stored | Cause
    verdict: Verdict | None
    stamp: Stamp | None


class _Note(NamedTuple):
    at: float
    began: float
    """Of the copies' way to the shard, by time.monotonic()."""
    envelope: Envelope
    message_id: str
    size: int
    seconds: float
    inspect_seconds: float
    copies: list[_CopyNote]


class Tracer:
    """Takes notes from the event loop; the thread is woken for a page, never for a note.
    `close` writes what is left."""

    def __init__(self, write: Callable[[Page], None], stopwatch: Stopwatch, shard_name: Callable[[int], str]) -> None:
        self._write = write
        self._stopwatch = stopwatch
        self._shard_name = shard_name
        self._waiting: deque[MessageTrace | _Note] = deque()
        self._is_due = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
        self._thread.start()

    def note(
        self, message: Message, copies: Sequence[Copy], outcomes: Sequence[Stored | Cause], seconds: float
    ) -> None:
        """What became of a message, `seconds` after it was complete. Raises nothing: its mail is stored by then."""
        try:
            self._put(self._note(message, copies, outcomes, seconds))
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

    def _put(self, entry: MessageTrace | _Note) -> None:
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
            self._write(to_page([self._entry(one) if isinstance(one, _Note) else one for one in page]))
        except MdaError as error:
            logger("delivery").warning("trace_not_written", entries=len(page), error=error.message)
            return False
        except Exception:
            logger("delivery").exception("trace_not_written", entries=len(page))
            recorder.add(TRACES_LOST, amount=len(page))
        for _ in page:
            self._waiting.popleft()
        return True

    def _note(
        self, message: Message, copies: Sequence[Copy], outcomes: Sequence[Stored | Cause], seconds: float
    ) -> _Note:
        inspection, take = message.inspection, self._stopwatch.take
        copy_notes = [
            _CopyNote(
                copy.recipient,
                copy.target.address,
                copy.target.account_id,
                copy.target.shard_id,
                outcome,
                copy.decision.verdict if isinstance(copy.decision, Placement) else None,
                take(copy.content_id),
            )
            for copy, outcome in zip(copies, outcomes, strict=True)
        ]
        return _Note(
            time.time(),
            time.monotonic() - seconds + inspection.seconds,
            message.envelope,
            (inspection.message.message_id or "")[:LONGEST_NAME],
            inspection.size,
            seconds,
            inspection.seconds,
            copy_notes,
        )

    def _entry(self, note: _Note) -> MessageTrace:
        # By position, in MessageTrace's and CopyTrace's order: names would cost as much as the rest.
        return MessageTrace(
            note.at,
            note.envelope.reverse_path,
            tuple([self._copy(copy, note.began) for copy in note.copies]),
            *_peer(note.envelope.peer),
            note.message_id,
            note.size,
            note.seconds,
            note.inspect_seconds,
        )

    def _copy(self, note: _CopyNote, began: float) -> CopyTrace:
        recipient, account, account_id, shard_id, outcome, verdict, stamp = note
        if isinstance(outcome, Cause):
            result = outcome.name.lower()
            place: tuple[int, str, int, str] = (0, "", 0, "")
        else:
            result = "redelivered" if outcome.is_duplicate else "delivered"
            place = (outcome.content_id, outcome.mailbox, outcome.uid, self._shard_name(shard_id))
        return CopyTrace(
            str(recipient.address),
            result,
            recipient.original,
            account,
            account_id,
            *place,
            *(
                (None, None, ())
                if verdict is None
                else (verdict.is_spam, verdict.score, verdict.heaviest(REASONS_KEPT))
            ),
            *((max(0.0, stamp.began - began), stamp.ended - stamp.began, stamp.copies) if stamp else (0, 0, 0)),
        )


def _peer(peer: Peer) -> tuple[str, str, str, str, str, str]:
    """In the order of `MessageTrace`."""
    return peer.queue_id, peer.name, peer.client_name, peer.client_address, peer.helo, peer.protocol
