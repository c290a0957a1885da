"""The parts of a stored message, by its stored part table alone: nothing is parsed again.

`read` takes what `mda.mime.message.Message.structure` gave at delivery (csrc/mime/structure.c has the layout); offsets
are into the stored form. `find` is IMAP's part numbering (RFC 3501 s6.4.5), the spans are what BODY[...] asks for, and
`content` undoes the transfer encoding of the octets of one body, wherever they were read from. Parts within an encoded
message are no parts of the stored octets: they are had by decoding that message's content and reading it as a message.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from mda.binding import NONE, decode_transfer
from mda.errors import InvalidValue
from mda.mime.part import Disposition, Encoding, Kind, PartFlag

VERSION = 1
_HEAD = struct.Struct("<BBHI")
_ENTRY = struct.Struct("<6I4B")


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part: `start:body` is its header block with the blank line, `body:end` its body as it is stored."""

    index: int
    parent: int | None
    children: tuple[int, ...]
    start: int
    body: int
    end: int
    lines: int
    bare_lfs: int
    kind: Kind
    encoding: Encoding
    disposition: Disposition
    flags: PartFlag


def read(structure: bytes) -> tuple[StoredPart, ...]:
    """All parts, a parent before its children. InvalidValue if it is no part table of a version known here."""
    if len(structure) < _HEAD.size:
        raise InvalidValue(f"part table of {len(structure)} octets")
    version, entry_size, _, count = _HEAD.unpack_from(structure)
    if version != VERSION or entry_size < _ENTRY.size or len(structure) != _HEAD.size + count * entry_size:
        raise InvalidValue(f"part table of version {version} with {count} entries in {len(structure)} octets")
    rows = [_ENTRY.unpack_from(structure, _HEAD.size + index * entry_size) for index in range(count)]
    children: list[list[int]] = [[] for _ in rows]
    for index, row in enumerate(rows):
        if row[3] != NONE:
            children[row[3]].append(index)
    return tuple(_part(index, row, children[index]) for index, row in enumerate(rows))


def _part(index: int, row: tuple[int, ...], children: Sequence[int]) -> StoredPart:
    start, body, end, parent, lines, bare_lfs, kind, encoding, disposition, flags = row
    return StoredPart(
        index=index,
        parent=None if parent == NONE else parent,
        children=tuple(children),
        start=start,
        body=body,
        end=end,
        lines=lines,
        bare_lfs=bare_lfs,
        kind=Kind(kind),
        encoding=Encoding(encoding),
        disposition=Disposition(disposition),
        flags=PartFlag(flags),
    )


def find(parts: Sequence[StoredPart], numbers: Sequence[int]) -> StoredPart | None:
    """The part that IMAP calls 1.2.3, `numbers` being (1, 2, 3); the whole message for none. None if there is no such
    part. What is no multipart is part 1 of its own message; a message's parts are those of the message in its body."""
    found, is_message = parts[0], True
    for number in numbers:
        if found.kind is Kind.MESSAGE and not is_message:
            if not found.children:
                return None
            found, is_message = parts[found.children[0]], True
        if found.kind is Kind.MULTIPART:
            if not 1 <= number <= len(found.children):
                return None
            found = parts[found.children[number - 1]]
        elif not is_message or number != 1:
            return None
        is_message = False
    return found


def header_span(parts: Sequence[StoredPart], part: StoredPart) -> tuple[int, int]:
    """Of BODY[HEADER] for the whole message, BODY[n.HEADER] for a message in it: the embedded message's header block.
    InvalidValue where the part is no message."""
    message = _message(parts, part)
    return message.start, message.body


def text_span(parts: Sequence[StoredPart], part: StoredPart) -> tuple[int, int]:
    """Of BODY[TEXT] and BODY[n.TEXT]: the message's body. InvalidValue where the part is no message."""
    message = _message(parts, part)
    return message.body, message.end


def mime_span(part: StoredPart) -> tuple[int, int]:
    """Of BODY[n.MIME]: the part's own header block."""
    return part.start, part.body


def body_span(part: StoredPart) -> tuple[int, int]:
    """Of BODY[n]: the part's body as it is stored."""
    return part.body, part.end


def content(part: StoredPart, raw_body: bytes) -> bytes:
    """The octets of a leaf without their transfer encoding; `raw_body` is what `body_span` spans."""
    return decode_transfer(part.encoding, raw_body)


def _message(parts: Sequence[StoredPart], part: StoredPart) -> StoredPart:
    if part.parent is None:
        return part
    if part.kind is Kind.MESSAGE and part.children:
        return parts[part.children[0]]
    raise InvalidValue(f"part {part.index} is no message", "HEADER and TEXT are those of message/rfc822 parts")
