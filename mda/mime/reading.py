"""What a person reads of a message, at once and fast: subject, sender, recipients, date, and every leaf decoded.

`Reader.read` gives plain tuples: an object a message would cost more than the parse does. Nothing is lazy, and nothing
raises on malformed mail. Where the fast way can't show all (parts within a base64 message) the same values are picked
from an `Examination`; a test holds the two ways equal.
"""

from collections.abc import Iterator

from mda.binding import HEADER, PART, WANT_FIELDS, WANT_VIEW, Examination, Viewer, examine, header_text
from mda.mime import addresses, part
from mda.mime.charsets import decode, resolve_marks, resolve_text
from mda.mime.part import Kind, PartFlag

Mailbox = tuple[str, str]
"""Display name, decoded, and address; either may be empty."""

Leaf = tuple[str, str, str | bytes]
"""`type/subtype` in lower case, file name, and content: str of a text leaf, else octets."""

Field = tuple[str, str]
"""Name as written and decoded value."""

Reading = tuple[
    str, tuple[Mailbox, ...], tuple[Mailbox, ...], tuple[int, int] | None, tuple[Leaf, ...], tuple[Field, ...]
]
"""Subject, From, To, Date (seconds since 1970 UTC, minutes east), leaves in their order, fields (if asked for)."""

_Marked = str | bytes
_MarkedPair = tuple[_Marked, _Marked]
_Encoded = tuple[int, int, int, _Marked | None]
"""Transfer encoding, begin and end in the message, charset of a text."""

_WITH_FIELDS = WANT_VIEW | WANT_FIELDS


class Reader:
    """Reads messages; threads may share one."""

    def __init__(self) -> None:
        self._viewer = Viewer()
        self._view = self._viewer.view

    def read(self, raw: bytes, with_fields: bool = False) -> Reading:
        """MemoryError and InvalidValue (too large) are all that is raised."""
        found = self._view(raw, _WITH_FIELDS if with_fields else WANT_VIEW)
        if found.__class__ is tuple:  # of nearly all mail
            return found
        return self._read_slowly(raw, with_fields) if found is None else self._finish(raw, *found)

    def _finish(
        self,
        raw: bytes,
        subject: _Marked,
        senders: tuple[_MarkedPair, ...],
        recipients: tuple[_MarkedPair, ...],
        date: tuple[int, int] | None,
        leaves: tuple[tuple[_Marked, _Marked, str | _Encoded], ...],
        fields: tuple[_MarkedPair, ...],
    ) -> Reading:
        return (
            _resolved(subject),
            _resolved_mailboxes(senders),
            _resolved_mailboxes(recipients),
            date,
            tuple(
                [
                    (_resolved_raw(kind, b"/"), _resolved(name), self._content(raw, content))
                    for kind, name, content in leaves
                ]
            ),
            _resolved_pairs(fields),
        )

    def _content(self, raw: bytes, content: str | _Encoded) -> str | bytes:
        if isinstance(content, str):
            return content
        encoding, begin, end, charset = content
        octets = self._viewer.decode(encoding, raw, begin, end - begin)
        return octets if charset is None else decode(_resolved(charset), octets)

    def _read_slowly(self, raw: bytes, with_fields: bool) -> Reading:
        examination = examine(raw)
        fields = tuple(self._fields(examination)) if with_fields else ()
        subject = resolve_marks(examination.subject or b"")
        senders, recipients = _mailboxes(examination, "from"), _mailboxes(examination, "to")
        return subject, senders, recipients, examination.date, tuple(_examined_leaves(examination)), fields

    def _fields(self, examination: Examination) -> Iterator[Field]:
        first, count = PART.unpack_from(examination.parts)[9:11]
        for index in range(first, first + count):
            start, value, end, length, _ = HEADER.unpack_from(examination.headers, index * HEADER.size)
            name = examination.raw[start : start + length].decode("ascii")
            yield name, self.decode_value(examination.raw[value:end])

    def decode_value(self, value: bytes) -> str:
        """The text of a raw field value: unfolded, encoded words decoded (RFC 2047)."""
        return resolve_marks(header_text(value))


def _mailboxes(examination: Examination, field: str) -> tuple[Mailbox, ...]:
    return tuple((each.name, each.address) for each in addresses.mailboxes(addresses.read(examination, field)))


def _resolved(string: _Marked) -> str:
    return string if isinstance(string, str) else resolve_marks(string)


def _resolved_pairs(pairs: tuple[_MarkedPair, ...]) -> tuple[tuple[str, str], ...]:
    return tuple([(_resolved(first), _resolved(second)) for first, second in pairs])


def _resolved_mailboxes(mailboxes: tuple[_MarkedPair, ...]) -> tuple[Mailbox, ...]:
    return tuple([(_resolved(name), _resolved_raw(address, b"@")) for name, address in mailboxes])


def _resolved_raw(string: _Marked, separator: bytes) -> str:
    """Of octets as the message has them, its two halves each by itself."""
    if isinstance(string, str):
        return string
    return "".join(resolve_text(piece) for piece in string.rpartition(separator))


def _examined_leaves(examination: Examination) -> Iterator[Leaf]:
    for found in part.read_parts(examination):
        if found.kind == Kind.LEAF:
            is_text = found.flags & PartFlag.TEXT
            content = part.text(examination, found.index) if is_text else part.content(examination, found.index)
            yield found.content_type, found.filename, content
