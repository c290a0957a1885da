"""A message with all that a parse finds: values of its top header block, its parts, and what is stored beside it.

`read` makes a `Message` of an `Examination`; nothing is parsed here, only picked from what the C core found, and
decoded where a charset is beyond it; parts and header fields are made when they are asked for. Never raises. A delivery
asks for less (`mda.mime.brief`).
"""

from datetime import UTC, datetime, timedelta, timezone

import msgspec

from mda.binding import HEADER, PART, Examination, examine, html_text
from mda.mime import addresses, part, received
from mda.mime.addresses import Group, Mailbox
from mda.mime.charsets import resolve_marks, resolve_text
from mda.mime.header_block import HeaderBlock, HeaderField
from mda.mime.part import Part, PartFlag
from mda.mime.received import Received
from mda.mime.subject import base_subject

PREVIEW_CHARACTERS = 256


class Message(msgspec.Struct, frozen=True):
    """What was read from one message."""

    examination: Examination
    subject: str
    subject_base: str
    """RFC 5256 s2.1."""
    sent_at: datetime | None
    """From Date, in the sender's zone; None if there is none that can be read."""
    message_id: str | None
    """Without angle brackets."""
    references: tuple[str, ...]
    """Ids of References, then of In-Reply-To, each once."""
    preview: str
    """The first words of its text, at most 256 characters."""
    has_attachment: bool
    defects: int
    """Bits of `mda.mime.defects.Defect`."""
    envelope: bytes
    """IMAP ENVELOPE, RFC 3501 s7.4.2, with its parentheses."""
    body_structure: bytes
    """IMAP BODYSTRUCTURE, RFC 3501 s7.4.2, with its parentheses."""
    structure: bytes
    """The versioned part table, see csrc/mime/structure.c."""

    @property
    def parts(self) -> tuple[Part, ...]:
        return part.read_parts(self.examination)

    @property
    def header(self) -> HeaderBlock:
        """The top header block."""
        root = PART.unpack_from(self.examination.parts)
        table = self.examination.headers[root[9] * HEADER.size : (root[9] + root[10]) * HEADER.size]
        return HeaderBlock(self.examination.raw, table)

    @property
    def fields(self) -> tuple[HeaderField, ...]:
        return self.header.fields

    def field_values(self, name: str) -> tuple[str, ...]:
        """See `HeaderBlock.values`."""
        return self.header.values(name)

    @property
    def received(self) -> tuple[Received, ...]:
        """The Received fields, the newest first, taken apart; RFC 5321 s4.4."""
        return tuple(received.read(value, _read_date) for value in self.field_values("received"))

    def addresses(self, field: str) -> tuple[Mailbox | Group, ...]:
        """Those of all From, Sender, Reply-To, To, Cc or Bcc fields; KeyError for any other name."""
        return addresses.read(self.examination, field)


def read(examination: Examination) -> Message:
    """The message that was examined."""
    subject = resolve_marks(examination.subject or b"")
    message_id = examination.message_id
    return Message(
        examination=examination,
        subject=subject,
        subject_base=base_subject(subject),
        sent_at=_moment(examination.date),
        message_id=None if message_id is None else resolve_text(message_id),
        references=tuple(resolve_text(examination.references or b"").split("\n")[:-1]),
        preview=_preview(examination),
        has_attachment=examination.has_attachment,
        defects=examination.defects,
        envelope=examination.envelope,
        body_structure=examination.body_structure,
        structure=examination.structure,
    )


def _moment(date: tuple[int, int] | None) -> datetime | None:
    """None also where the zone leads out of the calendar, which ends with the year 9999."""
    if date is None:
        return None
    seconds, minutes = date
    try:
        return datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes)) if minutes else UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _read_date(text: str) -> datetime | None:
    """A date that stands in another field than Date."""
    raw = b"Date: " + text.encode("utf-8", "replace").replace(b"\n", b" ").replace(b"\r", b" ") + b"\r\n"
    return _moment(examine(raw).date) if text else None


def _preview(examination: Examination) -> str:
    if not examination.is_preview_foreign:
        return (examination.preview or b"").decode("utf-8", "replace")
    text = part.text(examination, examination.preview_part)[: 64 * PREVIEW_CHARACTERS]
    row = PART.unpack_from(examination.parts, examination.preview_part * PART.size)
    if row[17] & PartFlag.HTML:
        text = html_text(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    return " ".join(text.split())[:PREVIEW_CHARACTERS]
