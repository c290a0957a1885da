"""Goes through a segment from front to back: every sound record, and every stretch that is none, as values.

Offers `scan_segment(path)`; yields `Found` (a record whose header, metadata and stored body match their checksums;
nothing is decompressed) and `Damage`. Never raises for what the bytes say, only StorageUnavailable when the disk
can't be read.

A bad record is left by finding the next magic: the writer masks a body that holds one, so what is found is a record's
start. Each byte is read once and checksummed at most once: before the checksum of a body is taken, the body is
searched for a magic, which can't be in a whole one.
"""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mda.errors import StorageUnavailable
from mda.storage.record import HEADER_BYTES, MAGIC, Flaw, Header, Malformed, unpack_header

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A sound record. `stored` is the whole record as it lies on disk, header included."""

    offset: int
    header: Header
    stored: bytes

    @property
    def length(self) -> int:
        return len(self.stored)

    @property
    def end(self) -> int:
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Damage:
    """`length` bytes from `offset` that hold no sound record; `flaw` is the first thing found wrong."""

    offset: int
    length: int
    flaw: Flaw

    @property
    def end(self) -> int:
        return self.offset + self.length


def scan_segment(path: Path, length: int | None = None) -> Iterator[Found | Damage]:
    """The segment's records in order, together covering every byte; of the first `length` bytes only, when given
    (a seal's length: what lies behind was never acknowledged). Without one, zeros up to the end are room for records
    to come, and of no step."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield from _scan(_Window(fd, length), has_room=length is None)
        finally:
            os.close(fd)
    except OSError as error:
        raise StorageUnavailable(f"{path}: {error.strerror}", "see the kernel's log for the disk's state") from error


def end_of_content(path: Path) -> int:
    """Where what was written to an open segment ends, sound or not: its file may be longer."""
    return max((step.end for step in scan_segment(path)), default=0)


class _Window:
    """What is in memory of the file: only ever moves forward, so each byte is read once."""

    def __init__(self, fd: int, length: int | None) -> None:
        size = os.fstat(fd).st_size
        self._fd = fd
        self._start = 0
        self._bytes = bytearray()
        self.length = size if length is None else min(length, size)

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer where the file ends."""
        self._fill(offset + size)
        at = offset - self._start
        return bytes(self._bytes[at : at + size])

    def find_magic(self, offset: int, end: int) -> int:
        """Where the next magic starts in [offset, end), else `end`; reads no further than it must."""
        at = offset
        while at < end:
            upto = min(at + _PIECE, end)
            self._fill(upto + len(MAGIC) - 1)
            found = self._bytes.find(MAGIC, at - self._start, upto - self._start + len(MAGIC) - 1)
            if found >= 0:
                return self._start + found
            at = upto
        return end

    def end_without_zeros(self, offset: int) -> int:
        """Where what is left from `offset` on, which has been looked through already, turns into zeros to the end."""
        return max(offset, self._start + len(self._bytes.rstrip(b"\0")))

    def drop(self, offset: int) -> None:
        """Forgets what lies before `offset`; in strides, since moving the rest costs."""
        if offset - self._start >= _PIECE:
            del self._bytes[: offset - self._start]
            self._start = offset

    def _fill(self, end: int) -> None:
        held = self._start + len(self._bytes)
        while held < min(end, self.length):
            piece = os.pread(self._fd, min(max(_PIECE, end - held), self.length - held), held)
            if not piece:
                self.length = held  # cut off while we read
                return
            self._bytes += piece
            held += len(piece)


def _scan(window: _Window, *, has_room: bool) -> Iterator[Found | Damage]:
    offset = 0
    while offset < window.length:
        window.drop(offset)
        found = _record_at(window, offset)
        step = found if isinstance(found, Found) else _damage(window, offset, found)
        if has_room and isinstance(step, Damage) and step.end >= window.length:
            if length := window.end_without_zeros(offset) - offset:
                yield Damage(offset, length, step.flaw)
            return
        yield step
        offset = step.end


def _damage(window: _Window, offset: int, flaw: Flaw) -> Damage:
    return Damage(offset, window.find_magic(offset + 1, window.length) - offset, flaw)


def _record_at(window: _Window, offset: int) -> Found | Flaw:
    try:
        header = unpack_header(window.read(offset, HEADER_BYTES))
    except Malformed as malformed:
        return malformed.flaw
    end = offset + header.record_length
    if window.find_magic(offset + 1, min(end, window.length)) < min(end, window.length):
        return Flaw.OVERLAPPED
    if end > window.length:
        return Flaw.TRUNCATED
    stored = window.read(offset, header.record_length)
    if zlib.crc32(stored[HEADER_BYTES : header.head_length]) != header.meta_crc:
        return Flaw.META_CHECKSUM
    if zlib.crc32(stored[header.head_length :]) != header.body_crc:
        return Flaw.BODY_CHECKSUM
    return Found(offset, header, stored)
