"""One message parsed and, with a model, scored: everything that is found, copied out of the C core at once.

`examine` makes one C call a message, without the interpreter lock, and nothing of the C result outlives it.
"""

import struct
from typing import Any, NamedTuple

from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding import contexts
from mda.binding.campaigns import CampaignTable
from mda.binding.layouts import ADDRESS, DEFAULT_LIMITS, HEADER, NONE, PARAMETER, PART, Limits
from mda.binding.spam_model import Model
from mda.binding.spam_score import SpamScore, read_score
from mda.binding.status import check, copied, limits_of

_NUMBERS = struct.Struct("=QqiIII")
_SPAN = struct.Struct("=II")
_OFFSETS = struct.Struct("=37I")
_SPANS_AT = _NUMBERS.size
_OFFSETS_AT = _SPANS_AT + 7 * _SPAN.size
_SUMMARY_BYTES = _OFFSETS_AT + _OFFSETS.size
"""mime_summary: numbers, seven spans, offsets of defects; its padding at the end is left out."""


class Examination(NamedTuple):
    """What one parse found. The tables are the C core's, packed: see HEADER, PART, PARAMETER and ADDRESS, and
    csrc/mime/mime.h for what their members mean. Strings of the summary are bytes of UTF-8; `subject` and the decoded
    parameters may hold marked words in charsets that C leaves to us (`mda.mime.charsets`). None is an absent field.
    What is read of the summary is made when it is asked for."""

    raw: bytes
    text: bytes
    decoded: bytes
    headers: bytes
    parts: bytes
    parameters: bytes
    addresses: bytes
    summary: bytes
    """mime_summary."""
    spam: SpamScore | None = None
    """None where no model was given."""

    @property
    def defects(self) -> int:
        """Bit set of enum mime_defect."""
        return int(_NUMBERS.unpack_from(self.summary)[0])

    @property
    def defect_offsets(self) -> tuple[int, ...]:
        """By bit number; NONE where the defect is not there."""
        return _OFFSETS.unpack_from(self.summary, _OFFSETS_AT)

    @property
    def date(self) -> tuple[int, int] | None:
        """Seconds since 1970 UTC, and minutes east of UTC."""
        _, seconds, offset, *_ = _NUMBERS.unpack_from(self.summary)
        return None if seconds == -(1 << 63) else (seconds, offset)

    @property
    def has_attachment(self) -> bool:
        return bool(_NUMBERS.unpack_from(self.summary)[3])

    @property
    def preview_part(self) -> int:
        return int(_NUMBERS.unpack_from(self.summary)[4])

    @property
    def is_preview_foreign(self) -> bool:
        return bool(_NUMBERS.unpack_from(self.summary)[5])

    @property
    def subject(self) -> bytes | None:
        return self._span(0)

    @property
    def message_id(self) -> bytes | None:
        return self._span(1)

    @property
    def references(self) -> bytes | None:
        return self._span(2)

    @property
    def preview(self) -> bytes | None:
        return self._span(3)

    @property
    def envelope(self) -> bytes:
        return self._span(4) or b""

    @property
    def body_structure(self) -> bytes:
        return self._span(5) or b""

    @property
    def structure(self) -> bytes:
        return self._span(6) or b""

    def _span(self, index: int) -> bytes | None:
        offset, length = _SPAN.unpack_from(self.summary, _SPANS_AT + index * _SPAN.size)
        return None if offset == NONE else self.text[offset : offset + length]


def examine(
    raw: bytes,
    model: Model | None = None,
    limits: Limits = DEFAULT_LIMITS,
    campaigns: CampaignTable | None = None,
    now: float | None = None,
) -> Examination:
    """Parses one message and, with a model, scores it. With `campaigns` it is counted there too, at the time `now` (in
    seconds; that of the clock where none is given), and scored as the so-and-so-many-th of its near copies."""
    weights = _ffi.NULL if model is None else model.pointer
    table = _ffi.NULL if campaigns is None else campaigns.at(now)
    context = contexts.take()
    try:
        pointer, result, score = context[:3]
        check(_lib.spam_examine(pointer, raw, len(raw), limits_of(limits), weights, table, result, score), len(raw))
        return _copy_out(raw, result[0], None if model is None else read_score(score, model.version))
    finally:
        contexts.give(context)


def _copy_out(raw: bytes, message: Any, spam: SpamScore | None) -> Examination:
    return Examination(
        raw,
        copied(message.text, message.text_length),
        copied(message.decoded, message.decoded_length),
        copied(message.headers, message.header_count * HEADER.size),
        copied(message.parts, message.part_count * PART.size),
        copied(message.parameters, message.parameter_count * PARAMETER.size),
        copied(message.addresses, message.address_count * ADDRESS.size),
        copied(message, _SUMMARY_BYTES),
        spam,
    )
