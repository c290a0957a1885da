"""Makes records: a message, or what the database has committed -> the bytes that a segment takes.

`Encoder` may be shared by threads and is meant to be called outside the writer's thread: nearly all of its time goes
to zstd, SHA-256 and CRC-32, which run without the interpreter lock. It touches no file.
"""

import hashlib
import secrets
import struct
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from mda.errors import InvalidValue
from mda.storage.body import Body, Codecs, encode_body, encode_whole, mask_body
from mda.storage.commits import CommitRecord, pack_commits, pack_purges
from mda.storage.dictionaries import Dictionaries
from mda.storage.record import (
    MAGIC,
    MASK_BYTES,
    MAX_META_BYTES,
    NO_MASK,
    Codec,
    Header,
    Kind,
    MessageMeta,
    Target,
    apply_mask,
    pack_header,
    pack_meta,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class EncodedRecord(msgspec.Struct, frozen=True):
    """One record ready to be appended. `digest` is the SHA-256 of the raw bytes."""

    head: bytes
    body: bytes
    digest: bytes

    @property
    def length(self) -> int:
        return len(self.head) + len(self.body)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The inverse of `to_microseconds`, UTC; the nearest that datetime can hold where it is out of range."""
    try:
        return _EPOCH + microseconds * _MICROSECOND
    except OverflowError:
        return (datetime.max if microseconds > 0 else datetime.min).replace(tzinfo=UTC)


class Encoder:
    """Encodes with zstd at `compression_level` (Settings.storage), and messages with the newest of the shard's
    `dictionaries` as it is at the first message: one that is trained later is for encoders made later. Nothing is read
    of the shard before: who makes an encoder may not wait for a disk."""

    def __init__(self, compression_level: int = 3, dictionaries: Dictionaries | None = None) -> None:
        self._codecs = Codecs(compression_level, dictionaries)
        self._dictionaries = dictionaries
        self._dictionary_id: int | None = None

    def encode_message(
        self,
        raw: bytes,
        *,
        received_at: datetime,
        reverse_path: str,
        targets: Sequence[Target],
        digest: bytes | None = None,
    ) -> EncodedRecord:
        """The message record of `raw`, stored once for all `targets`. InvalidValue for what the format can't hold.
        `digest` is the SHA-256 of `raw`, where it is known."""
        if self._dictionary_id is None:
            self._dictionary_id = self._dictionaries.newest() if self._dictionaries else 0
        body = encode_body(raw, self._codecs, self._dictionary_id)
        try:
            meta = MessageMeta(reverse_path, tuple(targets), body.frames)
            moment = to_microseconds(received_at)
            return _assemble(Kind.MESSAGE, len(raw), digest or _digest(raw), body, meta, moment, self._dictionary_id)
        except (struct.error, UnicodeEncodeError, TypeError) as error:
            raise InvalidValue(f"message can't be recorded: {error}") from error

    def encode_commits(self, commits: Sequence[CommitRecord], *, committed_at: datetime) -> EncodedRecord:
        """One commit record that holds all of `commits`."""
        return self._encode_entries(Kind.COMMIT, pack_commits(commits), committed_at)

    def encode_purges(self, purged: Sequence[Target], *, purged_at: datetime) -> EncodedRecord:
        """One purge record: what these accounts knew under these content ids is to be forgotten."""
        return self._encode_entries(Kind.PURGE, pack_purges(purged), purged_at)

    def encode_checkpoint(self, raw: bytes, *, made_at: datetime) -> EncodedRecord:
        """One record of a checkpoint: lines of JSON (docs/segment-format.md)."""
        return self._encode_entries(Kind.CHECKPOINT, raw, made_at)

    def _encode_entries(self, kind: Kind, raw: bytes, moment: datetime) -> EncodedRecord:
        body = encode_whole(raw, self._codecs)
        return _assemble(kind, len(raw), _digest(raw), body, None, to_microseconds(moment))


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def _assemble(
    kind: Kind,
    raw_length: int,
    digest: bytes,
    body: Body,
    meta: MessageMeta | None,
    moment: int,
    dictionary_id: int = 0,
) -> EncodedRecord:
    dictionary_id = dictionary_id if body.codec is Codec.ZSTD else 0
    plain, plain_meta, mask = body, meta, NO_MASK
    while True:
        head = _head(kind, raw_length, body, meta, mask, moment, digest, dictionary_id)
        if not _holds_magic(head, body.stored):
            return EncodedRecord(head, body.stored, digest)
        # By accident one time in 2^51 for a 10 KB mail, or on purpose: a random mask, which no sender foresees.
        mask = secrets.token_bytes(MASK_BYTES)
        body = mask_body(plain, mask)
        if plain_meta is not None:
            meta = MessageMeta(plain_meta.reverse_path, plain_meta.targets, body.frames)


def _head(
    kind: Kind,
    raw_length: int,
    body: Body,
    meta: MessageMeta | None,
    mask: bytes,
    moment: int,
    digest: bytes,
    dictionary_id: int,
) -> bytes:
    packed_meta = b"" if meta is None else apply_mask(pack_meta(meta), mask)
    if len(packed_meta) > MAX_META_BYTES:
        raise InvalidValue(f"more recipients than one record holds: {len(packed_meta)} bytes of metadata")
    header = Header(
        kind=kind,
        codec=body.codec,
        frame_log2=body.frame_log2,
        dictionary_id=dictionary_id,
        mask=mask,
        received_at=moment,
        meta_length=len(packed_meta),
        meta_crc=zlib.crc32(packed_meta),
        body_length=len(body.stored),
        raw_length=raw_length,
        digest=digest,
        body_crc=zlib.crc32(body.stored),
    )
    return pack_header(header) + packed_meta


def _holds_magic(head: bytes, stored: bytes) -> bool:
    """True when the magic stands anywhere but at the record's first byte; also across head and body."""
    return MAGIC in stored or head.find(MAGIC, 1) >= 0 or MAGIC in head[1 - len(MAGIC) :] + stored[: len(MAGIC) - 1]
