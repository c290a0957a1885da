"""Reads messages back: a location -> bytes that are verified, or an error that names the place and the way out.

`SegmentReader` keeps a few files open and may be shared by any number of threads. `read` verifies the CRC-32 of the
whole record and, unless `verifies_digest` is off, the SHA-256 of the message; `read_range` reads of a long message
only what it must, verified by CRC-32 per frame. Neither ever returns bytes that do not match. Segments in writing may
be read as well: a record never changes.
"""

import os
import threading
from collections import OrderedDict
from pathlib import Path

from mda.errors import NotFound, RecordDamaged, StorageUnavailable
from mda.identifiers import format_id
from mda.storage.body import Codecs, decode_range
from mda.storage.decode import Record, decode_head, decode_record, frames_of
from mda.storage.dictionaries import Dictionaries
from mda.storage.location import Location, segment_path
from mda.storage.record import HEADER_BYTES, Flaw, Malformed, unpack_header
from mda.storage.shard import Shard, open_shard

OPEN_FILES = 64


class SegmentReader:
    """Reads from one shard."""

    def __init__(self, shard: Shard, open_files: int = OPEN_FILES, *, verifies_digest: bool = True) -> None:
        self._shard = shard
        self._root = shard.root
        self._codecs = Codecs(dictionaries=Dictionaries(self._root))
        self._verifies_digest = verifies_digest
        self._files = _OpenFiles(open_files)

    def read(self, location: Location) -> bytes:
        """The message's raw bytes, all of them."""
        return self.read_record(location).raw

    def read_record(self, location: Location) -> Record:
        """The record with header and metadata. RecordDamaged, NotFound or StorageUnavailable where it can't be had."""
        try:
            stored = self._pread(location, 0, location.length)
            return decode_record(stored, self._codecs, verifies_digest=self._verifies_digest)
        except Malformed as malformed:
            raise self._damaged(location, malformed.flaw) from malformed

    def read_range(self, location: Location, start: int, length: int) -> bytes:
        """The raw bytes [start, start + length), fewer where the message ends before."""
        try:
            header = unpack_header(self._pread(location, 0, HEADER_BYTES))
            if header.record_length != location.length:
                raise Malformed(Flaw.LENGTH)
            end = min(max(start, 0) + max(length, 0), header.raw_length)
            if not header.frame_log2 or start >= end:
                return self.read(location)[max(start, 0) : end]
            header, meta = decode_head(self._pread(location, 0, header.head_length))
            body_at = header.head_length
            return decode_range(
                header,
                frames_of(meta),
                lambda at, size: self._pread(location, body_at + at, size),
                (max(start, 0), end),
                self._codecs,
            )
        except Malformed as malformed:
            raise self._damaged(location, malformed.flaw) from malformed

    def close(self) -> None:
        """Closes the files; reads that are under way end first, later ones open them again."""
        self._files.forget_all()

    def _pread(self, location: Location, offset: int, size: int) -> bytes:
        """Bytes of the record from `offset` in it; Malformed where the file ends before."""
        try:
            opened = self._files.get(segment_path(self._root, location.segment))
            pieces = []
            at, left = location.offset + offset, size
            while left and (piece := os.pread(opened.fd, left, at)):
                pieces.append(piece)
                at, left = at + len(piece), left - len(piece)
        except FileNotFoundError as error:
            open_shard(self._root, self._shard.id, self._shard.name)
            raise NotFound(f"{self._place(location)}: the segment is gone", _REMEDY) from error
        except OSError as error:
            raise StorageUnavailable(
                f"{self._place(location)}: {error.strerror}", "see the kernel's log for the disk's state"
            ) from error
        if left:
            raise Malformed(Flaw.TRUNCATED)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _damaged(self, location: Location, flaw: Flaw) -> RecordDamaged:
        return RecordDamaged(f"{self._place(location)}: {flaw.value}", _REMEDY)

    def _place(self, location: Location) -> str:
        return f"shard {self._shard.name} ({format_id(self._shard.id)}), {location}"


_REMEDY = "find all damage and mend it from a good copy: mda storage check --repair"


def read(shard: Shard, location: Location, *, verifies_digest: bool = True) -> bytes:
    """One message's raw bytes, for who reads only one."""
    reader = SegmentReader(shard, open_files=1, verifies_digest=verifies_digest)
    try:
        return reader.read(location)
    finally:
        reader.close()


class _OpenFile:
    """A descriptor that closes with its last reference: a file may leave the cache while another thread reads it."""

    __slots__ = ("fd",)

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)


class _OpenFiles:
    """The least recently used leave first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._files: OrderedDict[Path, _OpenFile] = OrderedDict()

    def get(self, path: Path) -> _OpenFile:
        with self._lock:
            if path in self._files:
                self._files.move_to_end(path)
                return self._files[path]
        opened = _OpenFile(path)  # outside the lock: a slow disk must hold up its own readers only
        with self._lock:
            opened = self._files.setdefault(path, opened)
            self._files.move_to_end(path)
            while len(self._files) > self._limit:
                self._files.popitem(last=False)
            return opened

    def forget_all(self) -> None:
        with self._lock:
            self._files.clear()
