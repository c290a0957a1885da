"""The brief of one message and its score: what a delivery asks of them, as one struct of one C call (csrc/mime/brief.h,
csrc/antispam/brief.h). What else a message holds, `mda.binding.examine` finds."""

from datetime import datetime
from typing import Any

import msgspec

from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding import contexts
from mda.binding.campaigns import CampaignTable
from mda.binding.contexts import ROOM
from mda.binding.spam_model import Model
from mda.binding.spam_score import SpamScore
from mda.binding.status import check


class Brief(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """In the order of csrc/mime/brief.h."""

    is_finished: bool
    """False where C could not read all of it: `mda.mime.brief` does."""
    subject_base: str
    """RFC 5256 s2.1."""
    sent_at: datetime | None
    """From Date, in UTC; None if there is none that can be read."""
    message_id_hash: int | None
    """`mda.identifiers.message_id_hash`, as are the `reference_hashes`."""
    message_id: str | None
    """Without angle brackets."""
    reference_hashes: tuple[int, ...]
    """Of the ids of References, then of In-Reply-To, each once."""
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
    author: tuple[str, str] | None
    """Local part and host of From; None where that is not one address."""
    forged_spans: tuple[tuple[int, int], ...]
    """Start and end of each top header field that claims to be ours (Return-Path, X-Original-To, X-MDA-...); adjoining
    ones are one."""
    has_delivered_to: bool
    header_table: bytes
    """Of the top header block, see HEADER."""


class Found(msgspec.Struct, frozen=True, gc=False):
    """What the front has found of a message (`mda.binding.front`), to be read by `brief_of_found`."""

    octets: bytes
    model_version: str
    """Empty: it was not scored."""
    seconds: float
    """What that took."""


_decode = msgspec.msgpack.Decoder(tuple[Brief, SpamScore | None]).decode


def brief_of(
    raw: bytes, model: Model | None = None, campaigns: CampaignTable | None = None
) -> tuple[Brief, SpamScore | None]:
    """Parses one message and, with a model, scores it; with `campaigns` it is counted there too. No score without a
    model. InvalidValue where it is too large, MemoryError where there is no memory."""
    weights, table = _NULL if model is None else model.pointer, _NULL if campaigns is None else campaigns.at()
    context = contexts.take()
    try:
        length = _lib.spam_brief(context.pointer, raw, len(raw), weights, table, context.out, ROOM)
        octets = context.out_octets[:length] if 0 < length <= ROOM else _read_again(context.pointer, raw, length)
    finally:
        contexts.give(context)
    return _unpacked(octets, "" if model is None else model.version)


def brief_of_found(found: Found) -> tuple[Brief, SpamScore | None]:
    """As `brief_of` gives them."""
    return _unpacked(found.octets, found.model_version)


def _unpacked(octets: bytes, model_version: str) -> tuple[Brief, SpamScore | None]:
    message, spam = _decode(octets)
    if spam is not None:
        spam.model_version = model_version
    return message, spam


def _read_again(pointer: Any, raw: bytes, length: int) -> bytes:
    """What the room was too small for; raises what a `length` that is none means."""
    if length <= 0:
        check(-length, len(raw))
    out = _ffi.new("uint8_t[]", length)
    _lib.spam_brief_again(pointer, out)
    return bytes(_ffi.buffer(out))


_NULL = _ffi.NULL
