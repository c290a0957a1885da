"""One open segment: the file that its maker alone appends to, from its making to its seal.

An flock held on the file says that the maker lives; the kernel drops it with the process, however that ends. The
length that counts (`good_length`) is the one behind the last successful fdatasync. After any failure of what records
rest on the owner retires the segment: what a failed write or sync left behind the good length is never synced again
and believed, because the kernel reports a lost page once and then forgets it. Nothing is truncated but zeros.

An open file takes writes also when it has been removed, or its disk unmounted or covered by another, and nobody would
ever find them: each append therefore looks whether the segment's path still leads to it.

Small batches are written over zeros that stand there already, as PostgreSQL writes its WAL: a file that grows with
each fdatasync costs the file system a commit of its own (docs/decisions/0027-small-batches-overwrite-zeros.md).
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

ROOM_BYTES = 262_144
"""Zeros are written up to the next multiple of this."""

SMALL_BYTES = ROOM_BYTES // 4
"""A batch of so many bytes or more lets the file grow: what that costs is little beside its own bytes."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk says, or one of which nobody may have more."""

_NO_ROOM = (*NO_SPACE, errno.EFBIG)
_ZEROS = memoryview(bytes(ROOM_BYTES + SMALL_BYTES))
_ATTEMPTS = 16


class OpenSegment:
    """Used by one thread. Every method but `discard` raises the OSError that the kernel gave."""

    def __init__(self, root: Path, segment: int, fd: int, system: Syscalls) -> None:
        self.segment = segment
        self.good_length = 0
        self.opened_at = time.monotonic()
        self._room_end = 0
        """Where the zeros behind the records end."""
        self._root = root
        self._path = segment_path(root, segment)
        self._fd = fd
        self._system = system

    def append(self, records: Sequence[EncodedRecord]) -> tuple[Location, ...]:
        """Writes the records behind the last ones, in one go and with one fdatasync; durable on return."""
        buffers, locations, end = list[bytes](), list[Location](), self.good_length
        for record in records:
            length = record.length
            locations.append(Location(self.segment, end, length))
            buffers += (record.head, record.body)
            end += length
        if end > self._room_end and end - self.good_length < SMALL_BYTES:
            self._make_room(end)
        write_whole(self._system, self._fd, buffers, self.good_length)
        self._system.fdatasync(self._fd)
        if not self._is_in_place():
            raise OSError(errno.ESTALE, "its segment was removed, or its disk unmounted")
        self.good_length = end
        return tuple(locations)

    def _make_room(self, end: int) -> None:
        """Zeros up to the first multiple of ROOM_BYTES from `end` on. Where there is no space for them there are none:
        what is left is for records. Before these: an error that is passed over must not be one of theirs."""
        start, room_end = max(self.good_length, self._room_end), end + -end % ROOM_BYTES
        try:
            write_whole(self._system, self._fd, [_ZEROS[: room_end - start]], start)
            self._room_end = room_end
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            self._cut_at(start)

    def seal(self, reason: SealReason) -> None:
        """Seals at the good length, then closes; a segment in which nothing was ever acknowledged is removed, so
        that attempts on a full disk leave no litter."""
        if not self._is_in_place():
            pass  # whatever is there now is not ours; should this file come back, it is swept
        elif self.good_length:
            if reason is not SealReason.TROUBLE:  # else there may be more than zeros behind it
                self._cut_at(self.good_length)
            write_seal(self._root, self.segment, self.good_length, reason, self._system)
        else:
            self._system.unlink(self._path)
        self.discard()

    def _cut_at(self, length: int) -> None:
        """Gives back the zeros behind; where that fails they only take space."""
        with suppress(OSError):
            self._system.truncate(self._fd, length)

    def _is_in_place(self) -> bool:
        return self._system.is_at(self._fd, self._path)

    def discard(self) -> None:
        """Closes without a seal: whoever finds the segment next scans and seals it."""
        with suppress(OSError):
            self._system.close(self._fd)


def create_segment(root: Path, identifiers: IdentifierSource, system: Syscalls) -> OpenSegment:
    """A new segment of a name that nobody had; its folder and that folder's parent are synced before it returns."""
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
                return OpenSegment(root, segment, fd, system)
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
