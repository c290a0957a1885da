"""The head of a record, byte for byte as docs/segment-format.md gives it: a fixed header and the metadata behind it.

Offers the closed enums `Kind` and `Codec`, the value `Header` with `pack_header` and `unpack_header`, and the
metadata of a message (`MessageMeta`). All integers are little-endian. `unpack_*` take bytes from a disk that may lie:
they raise `Malformed` with a reason from the closed enum `Flaw`, and never anything else.

The magic stands at the first byte of a record and nowhere else in it: where metadata or body would hold it, both are
XORed with a mask (`apply_mask`). So whoever looks for the next record after damage can't be led by a mail's own
bytes to a record that its sender forged.
"""

import struct
import zlib
from enum import Enum, IntEnum

import msgspec

MAGIC = b"\x8fMDArec\xf1"
"""No byte of it repeats, so that two occurrences never overlap, and no UTF-8 text holds it."""

VERSION = 1
DIGEST_BYTES = 32
RECEIPT_BYTES = 16
NO_RECEIPT = bytes(RECEIPT_BYTES)
"""Of mail that came without a receipt (imports, `mda deliver`)."""

MASK_BYTES = 8
NO_MASK = bytes(MASK_BYTES)

_HEADER = struct.Struct("<8sBBBBI8sqIIQQ32sI")
_CRC = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + _CRC.size

MAX_META_BYTES = 16_777_216
MAX_BODY_BYTES = 4_294_967_296
"""What a header may claim; beyond, it is taken for damage before anything is allocated for it."""

_REVERSE_PATH = struct.Struct("<H")
_COUNT = struct.Struct("<I")
_TARGET = struct.Struct("<qq16s")
_FRAME = struct.Struct("<II")


class Kind(IntEnum):
    """What a record is for."""

    MESSAGE = 1
    COMMIT = 2
    PURGE = 3
    CHECKPOINT = 4


class Codec(IntEnum):
    """How the body is stored."""

    NONE = 0
    ZSTD = 1


class Flaw(Enum):
    """Why bytes are not a sound record."""

    NO_MAGIC = "no record starts here"
    HEADER_CHECKSUM = "checksum of the header differs"
    VERSION = "version of the record is unknown"
    HEADER_VALUE = "header holds a value outside its range"
    TRUNCATED = "record ends before its length"
    OVERLAPPED = "another record starts inside this one"
    META_CHECKSUM = "checksum of the metadata differs"
    META_VALUE = "metadata does not parse"
    BODY_CHECKSUM = "checksum of the body differs"
    BODY_VALUE = "body can't be decoded"
    DIGEST = "SHA-256 of the message differs"
    DICTIONARY = "its zstd dictionary is missing or damaged"
    LENGTH = "length of the record is not the one on file"
    GARBAGE = "bytes that belong to no record"


class Malformed(Exception):
    """`flaw` says what is wrong. Stays inside mda.storage: callers get RecordDamaged or Damage."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


class Header(msgspec.Struct, frozen=True):
    """The fixed header. `received_at` is in microseconds since 1970 (UTC); `frame_log2` is 0 for a body in one frame;
    `digest` is the SHA-256 of the `raw_length` raw bytes; the checksums are CRC-32 over the bytes as stored."""

    kind: Kind
    codec: Codec
    frame_log2: int
    dictionary_id: int
    mask: bytes
    received_at: int
    meta_length: int
    meta_crc: int
    body_length: int
    raw_length: int
    digest: bytes
    body_crc: int

    @property
    def record_length(self) -> int:
        return HEADER_BYTES + self.meta_length + self.body_length

    @property
    def head_length(self) -> int:
        return HEADER_BYTES + self.meta_length

    @property
    def frame_count(self) -> int:
        """How many entries the frame table has."""
        return -(-self.raw_length // (1 << self.frame_log2)) if self.frame_log2 else 0


class Target(msgspec.Struct, frozen=True):
    """One recipient's copy: whose it is, the content id under which the account knows it, and the digest of the
    receipt that recognises a second delivery (a rebuild takes bodies that were never committed once per receipt)."""

    account_id: int
    content_id: int
    receipt: bytes = NO_RECEIPT


class Frame(msgspec.Struct, frozen=True):
    """One entry of the frame table: stored length and CRC-32 of a frame's stored bytes."""

    stored_length: int
    crc: int


class MessageMeta(msgspec.Struct, frozen=True):
    """A message record's metadata. `frames` is empty for a body in one frame."""

    reverse_path: str
    targets: tuple[Target, ...]
    frames: tuple[Frame, ...] = ()


def pack_header(header: Header) -> bytes:
    packed = _HEADER.pack(
        MAGIC,
        VERSION,
        header.kind,
        header.codec,
        header.frame_log2,
        header.dictionary_id,
        header.mask,
        header.received_at,
        header.meta_length,
        header.meta_crc,
        header.body_length,
        header.raw_length,
        header.digest,
        header.body_crc,
    )
    return packed + _CRC.pack(zlib.crc32(packed))


def unpack_header(packed: bytes | memoryview) -> Header:
    """The header in the first HEADER_BYTES of `packed`, believed only with its checksum and sane lengths."""
    if bytes(packed[: len(MAGIC)]) != MAGIC:
        raise Malformed(Flaw.NO_MAGIC)
    if len(packed) < HEADER_BYTES:
        raise Malformed(Flaw.TRUNCATED)
    if packed[len(MAGIC)] != VERSION:
        raise Malformed(Flaw.VERSION)
    if zlib.crc32(packed[: _HEADER.size]) != _CRC.unpack_from(packed, _HEADER.size)[0]:
        raise Malformed(Flaw.HEADER_CHECKSUM)
    _, _, kind, codec, *rest = _HEADER.unpack_from(packed)
    try:
        header = Header(Kind(kind), Codec(codec), *rest)
    except ValueError as error:
        raise Malformed(Flaw.HEADER_VALUE) from error
    _check_ranges(header)
    return header


def _check_ranges(header: Header) -> None:
    lengths_fit = max(header.body_length, header.raw_length) <= MAX_BODY_BYTES
    plain_fits = header.codec is not Codec.NONE or header.body_length == header.raw_length
    frames_fit = header.frame_log2 < 32 if header.kind is Kind.MESSAGE else header.frame_log2 == 0
    meta_fits = header.meta_length <= (MAX_META_BYTES if header.kind is Kind.MESSAGE else 0)
    if not (lengths_fit and plain_fits and frames_fit and meta_fits):
        raise Malformed(Flaw.HEADER_VALUE)


def pack_meta(meta: MessageMeta) -> bytes:
    reverse_path = meta.reverse_path.encode("utf-8", "surrogateescape")
    parts = [_REVERSE_PATH.pack(len(reverse_path)), reverse_path, _COUNT.pack(len(meta.targets))]
    parts += [_TARGET.pack(target.account_id, target.content_id, target.receipt) for target in meta.targets]
    parts += [_FRAME.pack(frame.stored_length, frame.crc) for frame in meta.frames]
    return b"".join(parts)


def unpack_meta(header: Header, stored: bytes) -> MessageMeta:
    """The metadata in `stored`, the bytes between header and body as they are on disk."""
    if len(stored) != header.meta_length:
        raise Malformed(Flaw.TRUNCATED)
    if zlib.crc32(stored) != header.meta_crc:
        raise Malformed(Flaw.META_CHECKSUM)
    packed = apply_mask(stored, header.mask)
    try:
        return _parse_meta(packed, header.frame_count)
    except (struct.error, IndexError) as error:
        raise Malformed(Flaw.META_VALUE) from error


def _parse_meta(packed: bytes, frame_count: int) -> MessageMeta:
    (path_length,) = _REVERSE_PATH.unpack_from(packed)
    path_end = _REVERSE_PATH.size + path_length
    (count,) = _COUNT.unpack_from(packed, path_end)
    targets_at = path_end + _COUNT.size
    frames_at = targets_at + count * _TARGET.size
    if frames_at + frame_count * _FRAME.size != len(packed):
        raise Malformed(Flaw.META_VALUE)
    return MessageMeta(
        packed[_REVERSE_PATH.size : path_end].decode("utf-8", "surrogateescape"),
        tuple(Target(*pair) for pair in _TARGET.iter_unpack(packed[targets_at:frames_at])),
        tuple(Frame(*pair) for pair in _FRAME.iter_unpack(packed[frames_at:])),
    )


def apply_mask(stored: bytes, mask: bytes, phase: int = 0) -> bytes:
    """`stored` XOR the mask, repeated; its own inverse. `phase` is the offset of `stored` in its part."""
    if mask == NO_MASK:
        return stored
    turn = phase % MASK_BYTES
    repeated = (mask[turn:] + mask[:turn]) * (len(stored) // MASK_BYTES + 1)
    length = len(stored)
    mixed = int.from_bytes(stored, "little") ^ int.from_bytes(repeated[:length], "little")
    return mixed.to_bytes(length, "little")
