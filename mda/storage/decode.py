"""Reads records: the bytes of one -> its raw body, verified by CRC-32 and SHA-256, and its metadata.

Raises Malformed only; the reader and the checker turn it into RecordDamaged or Damage, which know the place.
"""

import hashlib
import zlib
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


def decode_record(stored: bytes, codecs: Codecs, *, verifies_digest: bool = True) -> Record:
    """The record that `stored` holds from first byte to last. Its checksums are always compared; its digest, which
    costs as much as everything else together, unless the caller leaves it out."""
    header, meta = decode_head(stored)
    if len(stored) != header.record_length:
        raise Malformed(Flaw.LENGTH)
    body = stored[header.head_length :]
    if zlib.crc32(body) != header.body_crc:
        raise Malformed(Flaw.BODY_CHECKSUM)
    raw = decode_body(header, frames_of(meta), body, codecs)
    if verifies_digest and hashlib.sha256(raw).digest() != header.digest:
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
