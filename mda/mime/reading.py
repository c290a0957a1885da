"""What a person reads of a message, at once and fast: subject, sender, recipients, date, and every leaf decoded.

`Reader.read` gives plain tuples: an object a message would cost more than the parse does. Nothing is lazy, and nothing
raises on malformed mail. Where the fast way can't show all (a NUL in a string, charsets that Python decodes, parts
within a base64 message) the same values are picked from an `Examination`; a test holds the two ways equal.
"""

from collections.abc import Iterator, Sequence

from mda.binding import (
    HEADER,
    PART,
    VIEW_DECODED,
    VIEW_FOREIGN,
    VIEW_MARKED,
    VIEW_NOT_WHOLE,
    VIEW_TEXT,
    VIEW_USUAL,
    WANT_FIELDS,
    WANT_VIEW,
    Examination,
    Viewer,
    examine,
)
from mda.mime import addresses, part
from mda.mime.charsets import decode, resolve_marks
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

_WITH_FIELDS = WANT_VIEW | WANT_FIELDS
_NO_DATE = -(1 << 63)


class Reader:
    """Reads messages; threads may share one."""

    def __init__(self) -> None:
        self._viewer = Viewer()
        self._view = self._viewer.view

    def read(self, raw: bytes, with_fields: bool = False) -> Reading:
        """MemoryError and InvalidValue (too large) are all that is raised."""
        numbers, octets, texts, more = self._view(raw, _WITH_FIELDS if with_fields else WANT_VIEW)
        _, flags, leaf_count, from_count, to_count, seconds, minutes, field_count, _, what, begin, end = numbers
        if flags == VIEW_USUAL:  # the way below would make the same of it, in twice the time
            strings = octets.decode("utf-8").split("\0")
            fields: tuple[Field, ...] = ()
            if with_fields:
                fields = _pairs(strings[7:])
                del strings[7:]
            subject, name, address, to_name, to_address, kind, filename = strings
            text = (texts or raw[begin:end]).decode("utf-8")
            return (
                subject,
                ((name, address),),
                ((to_name, to_address),),
                (seconds, minutes),
                ((kind, filename, text),),
                fields,
            )
        if flags & VIEW_NOT_WHOLE:
            return self._read_slowly(raw, with_fields)
        if flags & VIEW_MARKED:
            strings = [resolve_marks(string) for string in octets.split(b"\0")]
        else:
            strings = octets.decode("utf-8").split("\0")
        pairs = _pairs(strings[1:])
        first_leaf = from_count + to_count
        first_field = first_leaf + leaf_count
        first_charset = first_field + field_count
        contents = self._contents(raw, texts, (what, begin, end, *more)[: 3 * leaf_count], pairs[first_charset:])
        return (
            strings[0],
            pairs[:from_count],
            pairs[from_count:first_leaf],
            None if seconds == _NO_DATE else (seconds, minutes),
            tuple([(*pair, content) for pair, content in zip(pairs[first_leaf:first_field], contents, strict=True)]),
            pairs[first_field:first_charset],
        )

    def _contents(
        self, raw: bytes, texts: bytes, numbers: Sequence[int], foreign: Sequence[tuple[str, str]]
    ) -> list[str | bytes]:
        contents: list[str | bytes] = []
        charsets, taken = iter(foreign), 0
        for index in range(0, len(numbers), 3):
            what, begin, end = numbers[index : index + 3]
            if what & VIEW_DECODED:
                contents.append(texts[taken : taken + end - begin].decode("utf-8"))
                taken += end - begin
            elif what & VIEW_TEXT:
                contents.append(raw[begin:end].decode("utf-8"))
            else:
                content = self._viewer.decode(what & 255, raw, begin, end - begin)
                contents.append(decode(next(charsets)[0], content) if what & VIEW_FOREIGN else content)
        return contents

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
        return resolve_marks(self._viewer.header_text(value))


def _mailboxes(examination: Examination, field: str) -> tuple[Mailbox, ...]:
    return tuple((each.name, each.address) for each in addresses.mailboxes(addresses.read(examination, field)))


def _pairs(strings: Sequence[str]) -> tuple[tuple[str, str], ...]:
    each = iter(strings)
    return tuple(zip(each, each, strict=True))


def _examined_leaves(examination: Examination) -> Iterator[Leaf]:
    for found in part.read_parts(examination):
        if found.kind == Kind.LEAF:
            is_text = found.flags & PartFlag.TEXT
            content = part.text(examination, found.index) if is_text else part.content(examination, found.index)
            yield found.content_type, found.filename, content
