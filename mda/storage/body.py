"""The body of a record: raw bytes <-> frames, each compressed with zstd or stored as it is.

A body up to FRAME_BYTES is one frame; a longer one is cut every FRAME_BYTES raw bytes, and a table in the metadata
holds each frame's stored length and CRC-32. So a part of a 50 MB message is read, checked and decompressed without
the rest. A frame that zstd does not make shorter is stored as it is: its stored length equals its raw length.

`Codecs` owns one zstd context per thread (making one costs as much as compressing a small mail); compression,
decompression, digest and checksum of all but tiny messages run without the interpreter lock.
"""

import threading
import zlib
from collections.abc import Callable

import msgspec
import zstandard

from mda.storage.dictionaries import Dictionaries
from mda.storage.record import Codec, Flaw, Frame, Header, Malformed, apply_mask

FRAME_LOG2 = 18
FRAME_BYTES = 1 << FRAME_LOG2


class Body(msgspec.Struct, frozen=True):
    """`stored` is what goes to disk; `frames` is empty and `frame_log2` 0 for a body in one frame."""

    codec: Codec
    frame_log2: int
    stored: bytes
    frames: tuple[Frame, ...]


class Codecs(threading.local):
    """This thread's zstd contexts; one object may be shared by any number of threads. Without `dictionaries` bodies are
    compressed without one, and those that name one can't be read."""

    def __init__(self, level: int = 3, dictionaries: Dictionaries | None = None) -> None:
        self._level = level
        self._dictionaries = dictionaries or Dictionaries()
        self._compressors: dict[int, zstandard.ZstdCompressor] = {}
        self._decompressors: dict[int, zstandard.ZstdDecompressor] = {}

    def compress(self, raw: bytes | memoryview, dictionary_id: int = 0) -> bytes | memoryview:
        """The shorter of the two: `raw` compressed, or `raw` itself."""
        compressor = self._compressors.get(dictionary_id)
        if compressor is None:
            chosen = self._dictionaries.get(dictionary_id) if dictionary_id else None
            compressor = zstandard.ZstdCompressor(level=self._level, dict_data=chosen)
            self._compressors[dictionary_id] = compressor
        packed = compressor.compress(raw)
        return packed if len(packed) < len(raw) else raw

    def decompress(self, stored: bytes, raw_length: int, dictionary_id: int = 0) -> bytes:
        """A frame's raw bytes; Malformed unless they are `raw_length` long."""
        if len(stored) == raw_length:
            return stored
        try:
            # The claimed size is checked first: a damaged frame must not make us allocate what it says.
            if zstandard.frame_content_size(stored) != raw_length:
                raise Malformed(Flaw.BODY_VALUE)
            raw = self._decompressor(dictionary_id).decompress(stored)
        except zstandard.ZstdError as error:
            raise Malformed(Flaw.BODY_VALUE) from error
        if len(raw) != raw_length:
            raise Malformed(Flaw.BODY_VALUE)
        return raw

    def _decompressor(self, dictionary_id: int) -> zstandard.ZstdDecompressor:
        found = self._decompressors.get(dictionary_id)
        if found is None:
            chosen = self._dictionaries.get(dictionary_id) if dictionary_id else None
            found = self._decompressors[dictionary_id] = zstandard.ZstdDecompressor(dict_data=chosen)
        return found


def encode_whole(raw: bytes, codecs: Codecs, dictionary_id: int = 0) -> Body:
    """The body in one frame, however long."""
    packed = codecs.compress(raw, dictionary_id)
    return Body(Codec.NONE if packed is raw else Codec.ZSTD, 0, bytes(packed), ())


def encode_body(raw: bytes, codecs: Codecs, dictionary_id: int = 0) -> Body:
    """A message's body: in frames when it is long."""
    if len(raw) <= FRAME_BYTES:
        return encode_whole(raw, codecs, dictionary_id)
    view = memoryview(raw)
    pieces = [
        codecs.compress(view[start : start + FRAME_BYTES], dictionary_id) for start in range(0, len(raw), FRAME_BYTES)
    ]
    frames = frame_table(pieces)
    stored = b"".join(pieces)
    return Body(Codec.NONE if len(stored) == len(raw) else Codec.ZSTD, FRAME_LOG2, stored, frames)


def frame_table(pieces: list[bytes | memoryview]) -> tuple[Frame, ...]:
    return tuple(Frame(len(piece), zlib.crc32(piece)) for piece in pieces)


def mask_body(body: Body, mask: bytes) -> Body:
    """The same body XORed with `mask`, its frames' checksums made anew over what is then stored."""
    masked = apply_mask(body.stored, mask)
    pieces: list[bytes | memoryview] = []
    at = 0
    for frame in body.frames:
        pieces.append(masked[at : at + frame.stored_length])
        at += frame.stored_length
    return Body(body.codec, body.frame_log2, masked, frame_table(pieces))


def decode_body(header: Header, frames: tuple[Frame, ...], stored: bytes, codecs: Codecs) -> bytes:
    """All raw bytes of the body in `stored`; their digest is for the caller to check."""
    if len(stored) != header.body_length:
        raise Malformed(Flaw.TRUNCATED)
    if header.codec is Codec.NONE:
        return apply_mask(stored, header.mask)
    if not header.frame_log2:
        return codecs.decompress(apply_mask(stored, header.mask), header.raw_length, header.dictionary_id)
    return decode_range(header, frames, lambda at, length: stored[at : at + length], (0, header.raw_length), codecs)


def decode_range(
    header: Header,
    frames: tuple[Frame, ...],
    fetch: Callable[[int, int], bytes],
    span: tuple[int, int],
    codecs: Codecs,
) -> bytes:
    """The raw bytes [span[0], span[1]) of a body in frames: `fetch(offset, length)` reads of the stored body only
    the frames that the span touches, and each is checked by its CRC-32."""
    start, end = span
    size = 1 << header.frame_log2
    first = start >> header.frame_log2
    at = sum(frame.stored_length for frame in frames[:first])
    pieces = []
    for number in range(first, min(-(-end // size), len(frames))):
        frame = frames[number]
        stored = fetch(at, frame.stored_length)
        if zlib.crc32(stored) != frame.crc:
            raise Malformed(Flaw.BODY_CHECKSUM)
        raw_length = min(size, header.raw_length - number * size)
        unmasked = apply_mask(stored, header.mask, at)
        pieces.append(codecs.decompress(unmasked, raw_length, header.dictionary_id))
        at += frame.stored_length
    return b"".join(pieces)[start - first * size : end - first * size]
