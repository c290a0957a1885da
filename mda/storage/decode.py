"""Reads records: the bytes of one -> its raw body, verified by SHA-256, and its metadata.

Raises Malformed only; the reader and the checker turn it into RecordDamaged or Damage, which know the place.
"""

import hashlib
from dataclasses import dataclass

from mda.storage.body import Codecs, decode_body
from mda.storage.record import (
    HEADER_BYTES,
    Flaw,
    Frame,
    Header,
    Kind,
    Malformed,
    MessageMeta,
    unpack_header,
    unpack_meta,
)


@dataclass(frozen=True, slots=True)
class Record:
    """One record, decoded and verified. `meta` is None for all kinds but MESSAGE."""

    header: Header
    meta: MessageMeta | None
    raw: bytes


def decode_record(stored: bytes, codecs: Codecs) -> Record:
    """The record that `stored` holds from first byte to last."""
    header, meta = decode_head(stored)
    if len(stored) != header.record_length:
        raise Malformed(Flaw.LENGTH)
    raw = decode_body(header, frames_of(meta), stored[header.head_length :], codecs)
    if hashlib.sha256(raw).digest() != header.digest:
        raise Malformed(Flaw.DIGEST)
    return Record(header, meta, raw)


def decode_head(stored: bytes) -> tuple[Header, MessageMeta | None]:
    """Header and metadata of the record that `stored` begins with."""
    header = unpack_header(stored[:HEADER_BYTES])
    packed_meta = stored[HEADER_BYTES : header.head_length]
    if header.kind is Kind.MESSAGE:
        return header, unpack_meta(header, packed_meta)
    return header, None


def frames_of(meta: MessageMeta | None) -> tuple[Frame, ...]:
    return meta.frames if meta else ()
