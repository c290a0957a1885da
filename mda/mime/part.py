"""The parts of a message as values, read from the C core's part table.

Offsets of a part with `source` INPUT are into the raw message: `raw[part.start:part.body]` is its header block with
the blank line, `raw[part.body:part.end]` its body as it came. See csrc/mime/mime.h for each member.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from mda.binding import NONE, PARAMETER, PART, Examination, decode_transfer
from mda.mime import charsets


class Source(IntEnum):
    INPUT = 0
    TEXT = 1
    DECODED = 2


class Kind(IntEnum):
    LEAF = 0
    MULTIPART = 1
    MESSAGE = 2


class Encoding(IntEnum):
    SEVEN_BIT = 0
    EIGHT_BIT = 1
    BINARY = 2
    QUOTED_PRINTABLE = 3
    BASE64 = 4
    UNKNOWN = 5
    UUENCODE = 6


class Disposition(IntEnum):
    NONE = 0
    INLINE = 1
    ATTACHMENT = 2


class PartFlag(IntFlag):
    TEXT = 1
    HTML = 2
    FOREIGN = 4
    ATTACHED = 8
    CLOSED = 16
    OPAQUE = 32
    ENCODED = 64


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of Content-Type or Content-Disposition, decoded. `name` is in lower case, without the `*` of
    RFC 2231."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part. Octets of its body are `body:end`; of a multipart `preamble_end` ends the text before its first
    delimiter and `epilogue` begins the text after its last one."""

    index: int
    parent: int | None
    depth: int
    source: Source
    kind: Kind
    start: int
    body: int
    end: int
    preamble_end: int
    epilogue: int
    lines: int
    bare_lfs: int
    content_type: str
    """`type/subtype` in lower case; the default where the part names none (RFC 2045 s5.2, RFC 2046 s5.1.5)."""
    parameters: tuple[Parameter, ...]
    disposition: Disposition
    disposition_parameters: tuple[Parameter, ...]
    encoding: Encoding
    charset: str
    filename: str
    flags: PartFlag


def read_parts(examination: Examination) -> tuple[Part, ...]:
    """All parts, a parent before its children."""
    return tuple(_read(examination, index, row) for index, row in enumerate(PART.iter_unpack(examination.parts)))


def text(examination: Examination, index: int) -> str:
    """The decoded text of a text leaf; empty for any other part."""
    row = PART.unpack_from(examination.parts, index * PART.size)
    if not row[17] & PartFlag.TEXT:
        return ""
    raw = _bytes(examination, row[18], row[19], row[20])
    if row[17] & PartFlag.FOREIGN:
        return charsets.decode(_text(examination, row, 29), raw)
    return raw.decode("utf-8", "replace")


def content(examination: Examination, index: int) -> bytes:
    """The octets of a leaf without their transfer encoding."""
    row = PART.unpack_from(examination.parts, index * PART.size)
    store = (examination.raw, examination.text, examination.decoded)[row[0]]
    return decode_transfer(row[15], store, row[5], row[6] - row[5])


def _bytes(examination: Examination, source: int, offset: int, length: int) -> bytes:
    store = (examination.raw, examination.text, examination.decoded)[source]
    return b"" if offset == NONE else store[offset : offset + length]


def _text(examination: Examination, row: tuple[int, ...], member: int) -> str:
    return charsets.resolve_marks(_bytes(examination, Source.TEXT, row[member], row[member + 1]))


def _parameters(examination: Examination, first: int, count: int) -> Iterator[Parameter]:
    for index in range(first, first + count):
        name, name_length, _, _, decoded, length = PARAMETER.unpack_from(examination.parameters, index * PARAMETER.size)
        raw_name = _bytes(examination, Source.TEXT, name, name_length)
        yield Parameter(
            raw_name.decode("utf-8", "replace").lower().removesuffix("*"),
            charsets.resolve_marks(_bytes(examination, Source.TEXT, decoded, length)),
        )


def _content_type(examination: Examination, row: tuple[int, ...]) -> str:
    if row[25] == NONE:
        return "message/rfc822" if row[14] == Kind.MESSAGE else "text/plain"
    # Octets as the message has them, so no marks; without case are A to Z alone (RFC 2045 s5.1: tokens of US-ASCII).
    pair = (_bytes(examination, Source.TEXT, row[member], row[member + 1]).lower() for member in (25, 27))
    return "/".join(map(charsets.resolve_text, pair))


def _read(examination: Examination, index: int, row: tuple[int, ...]) -> Part:
    return Part(
        index=index,
        parent=None if row[1] == NONE else row[1],
        depth=row[13],
        source=Source(row[0]),
        kind=Kind(row[14]),
        start=row[4],
        body=row[5],
        end=row[6],
        preamble_end=row[7],
        epilogue=row[8],
        lines=row[11],
        bare_lfs=row[12],
        content_type=_content_type(examination, row),
        parameters=tuple(_parameters(examination, row[21], row[22])),
        disposition=Disposition(row[16]),
        disposition_parameters=tuple(_parameters(examination, row[23], row[24])),
        encoding=Encoding(row[15]),
        charset=_text(examination, row, 29),
        filename=_text(examination, row, 35),
        flags=PartFlag(row[17]),
    )
