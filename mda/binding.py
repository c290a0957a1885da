"""The one module that sees the C core (mda._core): parsing, and what the antispam half adds.

`examine` makes one C call a message, without the interpreter lock, copies everything out at once and frees the C
result before it returns: an `Examination` is plain bytes and numbers, and nothing of CFFI leaves this module.
Malformed mail never raises (see `Examination.defects`); InvalidValue says that a message is larger than its limit or
an argument is senseless, MemoryError that there was no memory.
"""

import struct
from dataclasses import dataclass
from typing import Any

from mda import _core
from mda.errors import InvalidValue

_ffi = _core.ffi
_lib = _core.lib

NONE = 0xFFFFFFFF
"""No such index, no such offset."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the parser obeys, see csrc/mime/mime.h; beyond a limit (but `size`) a defect is set and the rest is kept
    as it is."""

    size: int = 100 * 1024 * 1024
    depth: int = 100
    parts: int = 10_000
    headers: int = 100_000
    parameters: int = 128
    addresses: int = 10_000
    references: int = 1000
    encoded_depth: int = 3
    preview: int = 256


DEFAULT_LIMITS = Limits()

HEADER = struct.Struct("=IIIHH")
"""mime_header: start, value, end, name_length, field."""
PART = struct.Struct("=14I4B19I")
"""mime_part, its members in their order."""
PARAMETER = struct.Struct("=6I")
"""mime_parameter: spans of name, value, decoded."""
ADDRESS = struct.Struct("=10I")
"""mime_address: header, kind, spans of name, route, mailbox, host."""
_SUMMARY = struct.Struct("=QqiIII14I36I")
"""mime_summary without its padding at the end."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What one parse found. The tables are the C core's, packed: see HEADER, PART, PARAMETER and ADDRESS, and
    csrc/mime/mime.h for what their members mean. Strings of the summary are bytes of UTF-8; `subject` and the decoded
    parameters may hold marked words in charsets that C leaves to us (`mda.mime.charsets`). None is an absent field."""

    raw: bytes
    text: bytes
    decoded: bytes
    headers: bytes
    parts: bytes
    parameters: bytes
    addresses: bytes
    defects: int
    defect_offsets: tuple[int, ...]
    """By bit number; NONE where the defect is not there."""
    date: tuple[int, int] | None
    """Seconds since 1970 UTC, and minutes east of UTC."""
    has_attachment: bool
    preview_part: int
    is_preview_foreign: bool
    subject: bytes | None
    message_id: bytes | None
    references: bytes | None
    preview: bytes | None
    envelope: bytes
    body_structure: bytes
    structure: bytes


def examine(raw: bytes, limits: Limits = DEFAULT_LIMITS) -> Examination:
    """Parses one message."""
    result = _ffi.new("mime_message **")
    _check(_lib.mime_parse(_ffi.from_buffer(raw), len(raw), _limits(limits), result), raw)
    try:
        return _copy_out(raw, result[0])
    finally:
        _lib.mime_free(result[0])


def html_text(html: bytes) -> bytes:
    """The plain text of HTML in UTF-8, white space collapsed."""
    plain = _ffi.new("uint8_t[]", len(html) + 1)
    length = _lib.mime_html_text(_ffi.from_buffer(html), len(html), plain)
    return bytes(_ffi.buffer(plain, length))


def decode_transfer(encoding: int, encoded: bytes) -> bytes:
    """The octets behind a transfer encoding (enum mime_encoding); bad input is decoded as far as it goes."""
    decoded = _ffi.new("uint8_t[]", len(encoded) + 1)
    length = _lib.mime_decode(encoding, _ffi.from_buffer(encoded), len(encoded), decoded)
    return bytes(_ffi.buffer(decoded, length))


def _limits(limits: Limits) -> Any:
    return _ffi.new(
        "mime_limits *",
        (
            limits.size,
            limits.depth,
            limits.parts,
            limits.headers,
            limits.parameters,
            limits.addresses,
            limits.references,
            limits.encoded_depth,
            limits.preview,
        ),
    )


def _check(status: int, raw: bytes) -> None:
    if status == _lib.MIME_OK:
        return
    if status == _lib.MIME_NO_MEMORY:
        raise MemoryError("no memory to parse a message")
    if status == _lib.MIME_TOO_LARGE:
        raise InvalidValue(f"message of {len(raw)} bytes is larger than the parser's limit")
    raise InvalidValue("parser was given a bad argument", "limits must be at least 1")


def _table(pointer: Any, length: int) -> bytes:
    return bytes(_ffi.buffer(pointer, length)) if length else b""


def _copy_out(raw: bytes, message: Any) -> Examination:
    text = _table(message.text, message.text_length)
    fields = _SUMMARY.unpack_from(_ffi.buffer(message, _SUMMARY.size))

    def span(index: int) -> bytes | None:
        offset, length = fields[6 + 2 * index], fields[7 + 2 * index]
        return None if offset == NONE else text[offset : offset + length]

    return Examination(
        raw=raw,
        text=text,
        decoded=_table(message.decoded, message.decoded_length),
        headers=_table(message.headers, message.header_count * HEADER.size),
        parts=_table(message.parts, message.part_count * PART.size),
        parameters=_table(message.parameters, message.parameter_count * PARAMETER.size),
        addresses=_table(message.addresses, message.address_count * ADDRESS.size),
        defects=fields[0],
        defect_offsets=fields[20:],
        date=None if fields[1] == -(1 << 63) else (fields[1], fields[2]),
        has_attachment=bool(fields[3]),
        preview_part=fields[4],
        is_preview_foreign=bool(fields[5]),
        subject=span(0),
        message_id=span(1),
        references=span(2),
        preview=span(3),
        envelope=span(4) or b"",
        body_structure=span(5) or b"",
        structure=span(6) or b"",
    )
