"""What a person reads of a message, at once and fast: subject, sender, recipients, date, and every leaf decoded.

`Reader.read` gives plain tuples: an object a message would cost more than the parse does. Nothing is lazy, and nothing
raises on malformed mail. Where the fast way can't show all (a NUL in a string, charsets that Python decodes, parts
within a base64 message) the same values are picked from an `Examination`; a test holds the two ways equal.
"""

import re
from collections.abc import Iterator, Sequence

from mda.binding import (
    ADDRESS,
    HEADER,
    NONE,
    PART,
    VIEW_FOREIGN,
    VIEW_NOT_WHOLE,
    VIEW_STRING,
    VIEW_TEXT,
    WANT_FIELDS,
    Examination,
    Viewer,
    examine,
)
from mda.mime import part
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

_NO_ATOM = re.compile(rb'[ \t\r\n(;",<>@:\[\]]')
_NO_DATE = -(1 << 63)
_FROM, _TO = 1, 4
_NO_MAILBOX, _NO_HOST = 256, 512


class Reader:
    """Reads messages; threads may share one."""

    def __init__(self) -> None:
        self._viewer = Viewer()

    def read(self, raw: bytes, with_fields: bool = False) -> Reading:
        """MemoryError and InvalidValue (too large) are all that is raised."""
        numbers, octets, more = self._viewer.view(raw, WANT_FIELDS if with_fields else 0)
        _, flags, leaf_count, from_count, to_count, seconds, minutes, field_count, what, offset, length, _ = numbers
        if not flags:
            strings = octets.decode("utf-8").split("\0")
        elif flags & VIEW_NOT_WHOLE:
            return self._read_slowly(raw, with_fields)
        else:
            strings = [resolve_marks(string) for string in octets.split(b"\0")]
        subject = strings[0]
        at = 1
        senders: tuple[Mailbox, ...]
        if from_count == 1:
            senders = ((strings[1], strings[2]),)
            at = 3
        else:
            senders, at = _mailboxes(strings, at, from_count)
        recipients: tuple[Mailbox, ...]
        if to_count == 1:
            recipients = ((strings[at], strings[at + 1]),)
            at += 2
        else:
            recipients, at = _mailboxes(strings, at, to_count)
        leaves: tuple[Leaf, ...]
        if leaf_count == 1 and not what & VIEW_STRING and what & VIEW_TEXT:
            text = raw[offset : offset + length].decode("ascii")
            leaves = ((strings[at] or "text/plain", strings[at + 1], text),)
            at += 2
        else:
            leaves, at = self._leaves(raw, strings, at, (what, offset, length, 0, *more)[: 4 * leaf_count])
        fields = tuple(zip(strings[at::2], strings[at + 1 :: 2], strict=True)) if field_count else ()
        return subject, senders, recipients, None if seconds == _NO_DATE else (seconds, minutes), leaves, fields

    def _leaves(
        self, raw: bytes, strings: Sequence[str], at: int, numbers: Sequence[int]
    ) -> tuple[tuple[Leaf, ...], int]:
        leaves: list[Leaf] = []
        for index in range(0, len(numbers), 4):
            what, offset, length = numbers[index : index + 3]
            content: str | bytes
            kind, name = strings[at] or "text/plain", strings[at + 1]
            at += 2
            if what & VIEW_STRING:
                content = strings[at]
                at += 1
            elif what & VIEW_TEXT:
                content = raw[offset : offset + length].decode("ascii")
            elif what & VIEW_FOREIGN:
                content = decode(strings[at], self._viewer.decode(what & 255, raw, offset, length))
                at += 1
            else:
                content = self._viewer.decode(what & 255, raw, offset, length)
            leaves.append((kind, name, content))
        return tuple(leaves), at

    def _read_slowly(self, raw: bytes, with_fields: bool) -> Reading:
        examination = examine(raw)
        fields = tuple(self._fields(examination)) if with_fields else ()
        subject = resolve_marks(examination.subject or b"")
        senders = tuple(self._address_list(examination, _FROM))
        recipients = tuple(self._address_list(examination, _TO))
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

    def _address_list(self, examination: Examination, field: int) -> Iterator[Mailbox]:
        first, count = PART.unpack_from(examination.parts)[9:11]
        for header, kind, name, name_length, _, _, box, box_length, host, host_length in ADDRESS.iter_unpack(
            examination.addresses
        ):
            is_ours = first <= header < first + count
            if kind & 255 != ord("a") or not is_ours or _field_number(examination, header) != field:
                continue
            text = examination.text
            raw_name = b"" if name == NONE else text[name : name + name_length]
            address = b"" if kind & _NO_MAILBOX else text[box : box + box_length]
            if not kind & _NO_HOST:
                address = (_quote(address) if address else b"") + b"@" + text[host : host + host_length]
            yield self.decode_value(raw_name), resolve_text(address)


def _quote(local_part: bytes) -> bytes:
    """A quoted-string where a dot-atom can't hold it (RFC 5322 s3.4.1)."""
    if not _NO_ATOM.search(local_part):
        return local_part
    return b'"' + re.sub(rb'(["\\])', rb"\\\1", local_part) + b'"'


def _field_number(examination: Examination, header: int) -> int:
    number: int = HEADER.unpack_from(examination.headers, header * HEADER.size)[4]
    return number


def _mailboxes(strings: Sequence[str], at: int, count: int) -> tuple[tuple[Mailbox, ...], int]:
    end = at + 2 * count
    return tuple(zip(strings[at:end:2], strings[at + 1 : end : 2], strict=True)), end


def _examined_leaves(examination: Examination) -> Iterator[Leaf]:
    for found in part.read_parts(examination):
        if found.kind == Kind.LEAF:
            is_text = found.flags & PartFlag.TEXT
            content = part.text(examination, found.index) if is_text else part.content(examination, found.index)
            yield found.content_type, found.filename, content
