"""What one delivery writes, and what came of it: plain values, made fit for PostgreSQL when they are made.

Text of mail may hold what PostgreSQL refuses (NUL, lone surrogates), and a date what it or Python can't turn into
UTC; one such row would fail the batch it travels in. So `Delivery` mends them at its border.
"""

import math
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from mda.metadata.content.facts import Facts, pack
from mda.metadata.content.spam_reasons import SpamReasons

REPLACEMENT = "\ufffd"
SMALLEST_SCORE = 1e-37
"""REAL refuses what is smaller, and no reader cares."""


class Destination(StrEnum):
    """A mailbox by its role; made where the account has none."""

    INBOX = "inbox"
    JUNK = "junk"


class Replica(msgspec.Struct, frozen=True):
    """Where a body lies a second time."""

    shard_id: int
    segment: int
    offset: int
    length: int


class Delivery(msgspec.Struct, kw_only=True):
    """One message for one account: the row in `message` and the columns of its `content`.

    Whoever has it in hand fills in where the body lies (`place_at`, `replica`); nothing else of it changes.
    """

    account_id: int
    content_id: int
    destination: Destination | int
    """An id names a mailbox that falls back to INBOX when it is gone."""
    receipt: bytes | None
    """16 bytes; None: no redelivery is recognised."""
    internal_date: datetime
    flags: int = 0

    shard_id: int
    segment: int = 0
    offset: int = 0
    length: int = 0
    """Of the record in its segment; the location and the digest are known once the body is durable."""
    digest: bytes = b""
    replica: Replica | None = None
    """The second record, where it was written before the row."""
    size: int
    delivered_size: int
    envelope: bytes
    body_structure: bytes
    structure: bytes
    prefix: bytes
    forged_spans: tuple[tuple[int, int], ...] = ()
    """Start and end of each header field of the stored form that the delivered form leaves out."""
    thread_id: int | None = None
    """None: a thread of its own."""
    message_id_hash: int | None = None
    """Signed 64 bits, as are the `reference_hashes`."""
    reference_hashes: tuple[int, ...] = ()
    subject_base: str = ""
    sent_at: datetime | None = None
    preview: str = ""
    has_attachment: bool = False
    spam_score: float | None = None
    spam_reasons: SpamReasons | None = None
    defects: int = 0
    original_recipient: str = ""
    queue_id: str = ""
    received_at: datetime

    def __post_init__(self) -> None:
        if not is_storable(self.subject_base + self.preview + self.original_recipient + self.queue_id):
            for name in ("subject_base", "preview", "original_recipient", "queue_id"):
                setattr(self, name, storable(getattr(self, name)))
        if self.sent_at is not None:
            self.sent_at = in_utc(self.sent_at)
        if self.spam_score is not None:
            self.spam_score = _real(self.spam_score)

    def place_at(self, segment: int, offset: int, length: int, digest: bytes) -> None:
        """The body is durable there."""
        self.segment, self.offset, self.length, self.digest = segment, offset, length, digest

    @property
    def role(self) -> str:
        """Of the mailbox that takes the message when no id names one."""
        return self.destination if isinstance(self.destination, Destination) else Destination.INBOX

    @property
    def mailbox_id(self) -> int | None:
        return None if isinstance(self.destination, Destination) else self.destination

    @property
    def parsed_octets(self) -> int:
        """About what the row carries of the message itself."""
        texts = len(self.prefix) + len(self.envelope) + len(self.body_structure) + len(self.subject_base)
        return texts + len(self.structure) + 8 * len(self.reference_hashes) + 16 * len(self.forged_spans)

    @property
    def facts(self) -> bytes:
        """What was found of the message, as one column."""
        return pack(
            Facts(
                prefix=self.prefix,
                envelope=self.envelope,
                subject_base=self.subject_base,
                body_structure=self.body_structure,
                preview=self.preview,
                structure=self.structure,
                original_recipient=self.original_recipient,
                queue_id=self.queue_id,
                defects=self.defects,
                forged_spans=self.forged_spans,
                reference_hashes=self.reference_hashes,
                spam_reasons=self.spam_reasons,
            )
        )


class Stored(msgspec.Struct, frozen=True):
    """A row that is committed: just now, or by an earlier try of the same delivery (`is_duplicate`)."""

    account_id: int
    mailbox_id: int
    mailbox: str
    """Its name, of the last level; empty for a duplicate whose mailbox is gone."""
    uid: int
    uid_validity: int
    modseq: int
    content_id: int
    is_duplicate: bool


def is_storable(text: str) -> bool:
    """Whether PostgreSQL's text takes it."""
    return (text.isascii() and "\0" not in text) or _is_encodable(text)


def storable(text: str) -> str:
    """`text` with U+FFFD for what PostgreSQL's text refuses: NUL and lone surrogates."""
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return joined.replace("\0", REPLACEMENT)


def in_utc(moment: datetime) -> datetime | None:
    """The moment in UTC; None where that falls out of the years 1 to 9999. A naive one is taken as UTC."""
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _real(number: float) -> float | None:
    """Fit for REAL, whose NaN nobody could compare."""
    if not math.isfinite(number):
        return None
    return 0.0 if abs(number) < SMALLEST_SCORE else max(min(number, 1e37), -1e37)
