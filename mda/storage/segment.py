"""One open segment: the file that its maker alone appends to, from its making to its seal.

An flock held on the file says that the maker lives; the kernel drops it with the process, however that ends. The
length that counts (`good_length`) is the one behind the last successful fdatasync. After any failure the owner
retires the segment: what a failed write or sync left behind the good length is never synced again and believed,
because the kernel reports a lost page once and then forgets it. Only zeros are ever cut off.

Records are written over zeros: whenever a small batch lengthens the file, zeros go behind it before the same fdatasync,
so that the next batches change no length and take no block, and the file system has nothing of its own to write down
for them (docs/decisions/0025). There are never more zeros than records; at a clean seal they are cut off.

An open file takes writes also when it has been removed, or its disk unmounted or covered by another, and nobody would
ever find them: each append therefore looks whether the segment's path still leads to it.
"""

import errno
import fcntl
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mda.identifiers import IdentifierSource
from mda.storage.encode import EncodedRecord
from mda.storage.location import Location, seal_path, segment_path
from mda.storage.seal import SealReason, write_seal
from mda.storage.syscalls import Syscalls, make_folder, sync_folder, write_whole

ZEROS_BYTES = 262_144
"""So many zeros are written ahead of the records, at most."""

_LARGE_BATCH = ZEROS_BYTES // 4
"""Bytes. For larger ones zeros would soon be used up, and cost as much as they save."""

_BLOCK = 4096
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ATTEMPTS = 16


class OpenSegment:
    """Used by one thread. Every method but `discard` raises the OSError that the kernel gave."""

    def __init__(self, root: Path, segment: int, fd: int, most_bytes: int, system: Syscalls) -> None:
        """Zeros never reach beyond `most_bytes`; records may."""
        self.segment = segment
        self.good_length = 0
        self.opened_at = time.monotonic()
        self._root = root
        self._path = segment_path(root, segment)
        self._fd = fd
        self._most_bytes = most_bytes
        self._system = system
        self._filled = 0
        """The file's length, zeros included, at the last successful fdatasync."""
        self._has_room = True

    def append(self, records: Sequence[EncodedRecord]) -> tuple[Location, ...]:
        """Writes the records behind the last ones, in one go and with one fdatasync; durable on return."""
        buffers = [part for record in records for part in (record.head, record.body)]
        locations = []
        end = self.good_length
        for record in records:
            locations.append(Location(self.segment, end, record.length))
            end += record.length
        write_whole(self._system, self._fd, buffers, self.good_length)
        filled = self._filled if end <= self._filled else self._fill(end)
        self._system.fdatasync(self._fd)
        if not self._is_in_place():
            raise OSError(errno.ESTALE, "its segment was removed, or its disk unmounted")
        self.good_length, self._filled = end, filled
        return tuple(locations)

    def _fill(self, end: int) -> int:
        """Writes zeros behind a batch that ends at `end`; where they end. On a disk that has no room for them the batch
        goes without, and so do all later ones: what room there is is for mail."""
        upto = min(end + min(ZEROS_BYTES, self.good_length), self._most_bytes) // _BLOCK * _BLOCK
        if upto <= end or end - self.good_length > _LARGE_BATCH or not self._has_room:
            return end
        try:
            write_whole(self._system, self._fd, [bytes(upto - end)], end)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            self._has_room = False
            self._cut(end)
            return end
        return upto

    def _cut(self, length: int) -> None:
        """Takes zeros off the end. Where that fails they stay: they are in nobody's way."""
        with suppress(OSError):
            self._system.truncate(self._fd, length)

    def seal(self, reason: SealReason) -> None:
        """Seals at the good length, then closes; a segment in which nothing was ever acknowledged is removed, so
        that attempts on a full disk leave no litter."""
        if not self._is_in_place():
            pass  # whatever is there now is not ours; should this file come back, it is swept
        elif self.good_length:
            if reason is not SealReason.TROUBLE and self._filled > self.good_length:
                self._cut(self.good_length)  # should the seal then fail, a sweep finds the same records
            write_seal(self._root, self.segment, self.good_length, reason, self._system)
        else:
            self._system.unlink(self._path)
        self.discard()

    def _is_in_place(self) -> bool:
        return self._system.is_at(self._fd, self._path)

    def discard(self) -> None:
        """Closes without a seal: whoever finds the segment next scans and seals it."""
        with suppress(OSError):
            self._system.close(self._fd)


def create_segment(root: Path, identifiers: IdentifierSource, most_bytes: int, system: Syscalls) -> OpenSegment:
    """A new segment of a name that nobody had, meant for `most_bytes`; its folder and that folder's parent are synced
    before it returns."""
    for _ in range(_ATTEMPTS):
        segment = identifiers.next()
        path = segment_path(root, segment)
        make_folder(system, path.parent)
        try:
            fd = system.create(path)
        except FileExistsError:
            continue
        try:
            if _claim(root, segment, fd):
                sync_folder(system, path.parent)
                return OpenSegment(root, segment, fd, most_bytes, system)
        except BaseException:
            system.close(fd)
            with suppress(OSError):
                system.unlink(path)
            raise
        system.close(fd)
    raise FileExistsError("no free segment name was found")


def _claim(root: Path, segment: int, fd: int) -> bool:
    """Locks the new file. False where a sweep for dead writers came between our open and our lock: it holds the
    lock still, or has sealed the segment already."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return not seal_path(root, segment).exists()
