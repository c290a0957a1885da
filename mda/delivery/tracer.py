"""Remembers what happened to each message (`mda.trace`), beside the deliveries: a thread writes it page by page.

A delivery never waits for its trace and never fails by it: what can't be written in time is dropped and counted. It
leaves no more than a note of what is known; entries are made of the notes page by page, since a busy machine's caches
are cold for what is done once a delivery. Notes and entries are plain tuples, and reasons stay numbers until somebody
asks: named fields alone would double the cost. What can't be written costs its own entry, not the page.
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
from mda.identifiers import format_id
from mda.logs import logger
from mda.metadata.delivery.deliver import Stored
from mda.metrics import recorder
from mda.metrics.families import TRACES_LOST
from mda.trace import LONGEST_NAME, REASONS_KEPT, Page, PageMaker, Row

PAGE_SECONDS = 2.0
PAGE_ENTRIES = 1000
MOST_WAITING = 10_000


_CopyNote = tuple[Recipient, str, int, int, Stored | Cause, Verdict | None, Stamp | None]
"""Of one copy, without what would keep a message's octets or a user's weights in memory: recipient, account, its id,
its shard's id, what became of it, the verdict, its batch."""

_Note = tuple[float, float, Envelope, str, int, float, float, list[_CopyNote]]
"""Unix time; when its way to the shard began, by time.monotonic(); envelope; Message-ID; size; seconds from its last
octet to its replies; seconds of inspection; copies."""


class _Refusal(NamedTuple):
    """A recipient that was refused before DATA."""

    at: float
    reverse_path: str
    recipient: Recipient
    peer: Peer
    cause: Cause


class Tracer:
    """Takes notes from the event loop; the thread is woken for a page, never for a note.
    `close` writes what is left."""

    def __init__(self, write: Callable[[Page], None], stopwatch: Stopwatch, shard_name: Callable[[int], str]) -> None:
        self._write = write
        self._stopwatch = stopwatch
        self._shard_name = shard_name
        self._waiting: deque[_Note | _Refusal] = deque()
        self._is_due = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
        self._thread.start()

    def note(
        self,
        message: Message,
        copies: Sequence[Copy],
        outcomes: Sequence[Stored | Cause],
        started: float,
        seconds: float,
    ) -> None:
        """What became of a message, `seconds` after it was complete at `started` (time.monotonic()). Raises nothing:
        its mail is stored by then."""
        try:
            self._put(self._note(message, copies, outcomes, started, seconds))
        except Exception:
            logger("delivery").exception("trace_not_made")
            recorder.add(TRACES_LOST)

    def refused(self, recipient: Recipient, reverse_path: str, peer: Peer, cause: Cause) -> None:
        """A recipient that was refused before DATA."""
        self._put(_Refusal(time.time(), reverse_path, recipient, peer, cause))

    def close(self) -> None:
        self._is_closing = True
        self._is_due.set()
        self._thread.join(timeout=5)  # one that waits for the server ends with the process

    def _put(self, entry: _Note | _Refusal) -> None:
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
        notes = list(islice(self._waiting, PAGE_ENTRIES))
        try:
            page = self._page(notes)
            if page is not None:
                self._write(page)
        except MdaError as error:
            logger("delivery").warning("trace_not_written", entries=len(notes), error=error.message)
            return False
        except Exception:
            logger("delivery").exception("trace_not_written", entries=len(notes))
            recorder.add(TRACES_LOST, amount=len(notes))
        for _ in notes:
            self._waiting.popleft()
        return True

    def _page(self, notes: Sequence[_Note | _Refusal]) -> Page | None:
        """None where nothing of it can be written."""
        maker = PageMaker()
        for note in notes:
            try:
                maker.add(
                    _refusal_row(note, maker.names) if isinstance(note, _Refusal) else self._row(note, maker.names)
                )
            except Exception:
                logger("delivery").exception("trace_not_made")
                recorder.add(TRACES_LOST)
        return maker.page() if maker.entries else None

    def _note(
        self,
        message: Message,
        copies: Sequence[Copy],
        outcomes: Sequence[Stored | Cause],
        started: float,
        seconds: float,
    ) -> _Note:
        inspection, take = message.inspection, self._stopwatch.take
        copy_notes: list[_CopyNote] = []
        for copy, outcome in zip(copies, outcomes, strict=True):
            target, decision = copy.target, copy.decision
            verdict = decision.verdict if isinstance(decision, Placement) else None
            copy_notes.append(
                (
                    copy.recipient,
                    target.address,
                    target.account_id,
                    target.shard_id,
                    outcome,
                    verdict,
                    take(copy.content_id),
                )
            )
        return (
            time.time(),
            started + inspection.seconds,
            message.envelope,
            (inspection.message.message_id or "")[:LONGEST_NAME],
            inspection.size,
            seconds,
            inspection.seconds,
            copy_notes,
        )

    def _row(self, note: _Note, names: list[str]) -> Row:
        """In the order of MessageTrace; its names are added to `names`."""
        at, began, envelope, message_id, size, seconds, inspect_seconds, copy_notes = note
        peer, reverse_path, evidence = envelope.peer, envelope.reverse_path, b""
        copies = []
        for copy in copy_notes:
            copies.append(self._copy_row(copy, began, names))
            verdict = copy[5]
            if verdict is not None and not evidence:
                evidence = verdict.found.evidence(REASONS_KEPT)
        names += (peer.queue_id, message_id, reverse_path)
        # Written out, here and below: to put a tuple into another costs more than to name its members.
        return (
            at,
            reverse_path,
            copies,
            peer.queue_id,
            peer.name,
            peer.client_name,
            peer.client_address,
            peer.helo,
            peer.protocol,
            message_id,
            size,
            seconds,
            inspect_seconds,
            evidence,
        )

    def _copy_row(self, note: _CopyNote, began: float, names: list[str]) -> Row:
        """In the order of CopyTrace."""
        recipient, account, account_id, shard_id, outcome, verdict, stamp = note
        written, original = str(recipient.address), recipient.original
        content_id = uid = batch = 0
        mailbox = shard = ""
        if isinstance(outcome, Cause):
            result = outcome.name.lower()
            names += (written, original, account)
        else:
            result = "redelivered" if outcome.is_duplicate else "delivered"
            content_id, mailbox, uid = outcome.content_id, outcome.mailbox, outcome.uid
            shard = self._shard_name(shard_id)
            names += (written, original, account, format_id(content_id))
        is_spam = score = None
        beside: tuple[tuple[str, float], ...] = ()
        if verdict is not None:
            is_spam, score, beside = verdict.is_spam, verdict.score, verdict.beside_the_model()
        shard_seconds = commit_seconds = 0.0
        if stamp is not None:
            shard_seconds, commit_seconds = max(0.0, stamp.began - began), stamp.ended - stamp.began
            batch = stamp.copies
        return (
            written,
            result,
            original,
            account,
            account_id,
            content_id,
            mailbox,
            uid,
            shard,
            is_spam,
            score,
            beside,
            shard_seconds,
            commit_seconds,
            batch,
        )


def _refusal_row(note: _Refusal, names: list[str]) -> Row:
    written, original, peer = str(note.recipient.address), note.recipient.original, note.peer
    names += (peer.queue_id, note.reverse_path, written, original)
    copies = [(written, note.cause.name.lower(), original)]
    by = (peer.queue_id, peer.name, peer.client_name, peer.client_address, peer.helo, peer.protocol)
    return (note.at, note.reverse_path, copies, *by)
