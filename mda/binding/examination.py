"""One message parsed and, with a model, scored: everything that is found, copied out of the C core at once.

`examine` makes one C call a message, without the interpreter lock, and nothing of the C result outlives it.
"""

import struct
from dataclasses import dataclass
from typing import Any

from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding.contexts import borrowed
from mda.binding.layouts import ADDRESS, DEFAULT_LIMITS, HEADER, NONE, PARAMETER, PART, Limits
from mda.binding.spam_model import Model, SpamScore, copy_score
from mda.binding.status import check, copied, limits_of

_SUMMARY = struct.Struct("=QqiIII14I37I")
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
    spam: SpamScore | None = None
    """None where no model was given."""


def examine(raw: bytes, model: Model | None = None, limits: Limits = DEFAULT_LIMITS) -> Examination:
    """Parses one message and, with a model, scores it."""
    result = _ffi.new("mime_message **")
    score = _ffi.new("spam_score *")
    pointer = _ffi.NULL if model is None else model.pointer
    raw_pointer = _ffi.from_buffer(raw)
    with borrowed() as context:
        check(_lib.spam_examine(context, raw_pointer, len(raw), limits_of(limits), pointer, result, score), len(raw))
        return _copy_out(raw, result[0], None if model is None else copy_score(score, model))


def _copy_out(raw: bytes, message: Any, spam: SpamScore | None) -> Examination:
    text = copied(message.text, message.text_length)
    fields = _SUMMARY.unpack_from(_ffi.buffer(message, _SUMMARY.size))

    def span(index: int) -> bytes | None:
        offset, length = fields[6 + 2 * index], fields[7 + 2 * index]
        return None if offset == NONE else text[offset : offset + length]

    return Examination(
        raw=raw,
        text=text,
        decoded=copied(message.decoded, message.decoded_length),
        headers=copied(message.headers, message.header_count * HEADER.size),
        parts=copied(message.parts, message.part_count * PART.size),
        parameters=copied(message.parameters, message.parameter_count * PARAMETER.size),
        addresses=copied(message.addresses, message.address_count * ADDRESS.size),
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
        spam=spam,
    )
