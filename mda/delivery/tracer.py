"""Remembers what happened to each message (`mda.trace`), beside the deliveries: a thread writes it page by page.

A delivery never waits for its trace and never fails by it: what can't be written in time is dropped and counted.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict

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
from mda.trace import REASONS_KEPT, CopyTrace, MessageTrace, Page, to_page

PAGE_SECONDS = 2.0
PAGE_ENTRIES = 500
MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Note:
    """Nothing of the message's bytes: they would be held until the page is written."""

    envelope: Envelope
    message_id: str
    size: int
    inspect_seconds: float
    copies: Sequence[Copy]
    outcomes: Sequence[Stored | Cause]
    seconds: float
    at: float


@dataclass(frozen=True, slots=True)
class Refusal:
    recipient: Recipient
    reverse_path: str
    peer: Peer
    cause: Cause
    at: float


class Tracer:
    """Takes notes from the event loop, which costs it an append: the thread is woken for a page, never for a note.
    `close` writes what is left."""

    def __init__(self, write: Callable[[Page], None], stopwatch: Stopwatch, shard_name: Callable[[int], str]) -> None:
        self._write = write
        self._stopwatch = stopwatch
        self._shard_name = shard_name
        self._notes: deque[Note | Refusal] = deque()
        self._waiting: list[MessageTrace] = []
        self._is_due = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
        self._thread.start()

    def note(
        self, message: Message, copies: Sequence[Copy], outcomes: Sequence[Stored | Cause], seconds: float
    ) -> None:
        """What became of a message, `seconds` after it was complete."""
        found = message.inspection
        message_id = found.message.message_id or ""
        self._put(
            Note(message.envelope, message_id, found.size, found.seconds, copies, outcomes, seconds, at=time.time())
        )

    def refused(self, recipient: Recipient, reverse_path: str, peer: Peer, cause: Cause) -> None:
        """A recipient that was refused before DATA."""
        self._put(Refusal(recipient, reverse_path, peer, cause, time.time()))

    def close(self) -> None:
        self._is_closing = True
        self._is_due.set()
        self._thread.join(timeout=5)  # one that waits for the server ends with the process

    def _put(self, note: Note | Refusal) -> None:
        if len(self._notes) >= MOST_WAITING:
            recorder.add(TRACES_LOST)
            return
        self._notes.append(note)
        if len(self._notes) == PAGE_ENTRIES:
            self._is_due.set()

    def _run(self) -> None:
        while not self._is_closing:
            self._is_due.wait(PAGE_SECONDS)
            self._is_due.clear()
            while self._notes:
                for _ in range(min(len(self._notes), PAGE_ENTRIES)):
                    self._take(self._notes.popleft())
                self._write_page()
            self._write_page()

    def _take(self, note: Note | Refusal) -> None:
        try:
            entry = _refusal(note) if isinstance(note, Refusal) else self._entry(note)
        except Exception:
            logger("delivery").exception("trace_not_made")
            recorder.add(TRACES_LOST)
        else:
            self._waiting.append(entry)

    def _write_page(self) -> None:
        if not self._waiting:
            return
        try:
            self._write(to_page(self._waiting))
        except MdaError as error:
            logger("delivery").warning("trace_not_written", entries=len(self._waiting), error=error.message)
            lost, self._waiting = self._waiting[:-MOST_WAITING], self._waiting[-MOST_WAITING:]
            recorder.add(TRACES_LOST, amount=len(lost))
        except Exception:
            logger("delivery").exception("trace_not_written", entries=len(self._waiting))
            recorder.add(TRACES_LOST, amount=len(self._waiting))
            self._waiting = []
        else:
            self._waiting = []

    def _entry(self, note: Note) -> MessageTrace:
        began = time.monotonic() - (time.time() - note.at) - note.seconds + note.inspect_seconds
        return MessageTrace(
            at=note.at,
            reverse_path=note.envelope.reverse_path,
            copies=tuple(
                self._copy(copy, outcome, self._stopwatch.take(copy.content_id), began)
                for copy, outcome in zip(note.copies, note.outcomes, strict=True)
            ),
            message_id=note.message_id,
            size=note.size,
            seconds=note.seconds,
            inspect_seconds=note.inspect_seconds,
            **_peer(note.envelope.peer),
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
            score=None if verdict is None else round(verdict.score, 4),
            reasons=tuple((one.label, round(one.weight, 2)) for one in verdict.reasons[:REASONS_KEPT])
            if verdict
            else (),
            shard_seconds=max(0.0, stamp.began - began) if stamp else 0,
            commit_seconds=stamp.ended - stamp.began if stamp else 0,
            batch=stamp.copies if stamp else 0,
        )


def _refusal(note: Refusal) -> MessageTrace:
    recipient, result = note.recipient, note.cause.name.lower()
    copy = CopyTrace(recipient=str(recipient.address), original=recipient.original, result=result)
    return MessageTrace(at=note.at, reverse_path=note.reverse_path, copies=(copy,), **_peer(note.peer))


class _PeerNames(TypedDict):
    queue_id: str
    peer: str
    client_name: str
    client_address: str
    helo: str
    protocol: str


def _peer(peer: Peer) -> _PeerNames:
    return {
        "queue_id": peer.queue_id,
        "peer": peer.name,
        "client_name": peer.client_name,
        "client_address": peer.client_address,
        "helo": peer.helo,
        "protocol": peer.protocol,
    }


def _result(outcome: Stored | Cause) -> str:
    if isinstance(outcome, Cause):
        return outcome.name.lower()
    return "redelivered" if outcome.is_duplicate else "delivered"
