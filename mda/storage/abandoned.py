"""Seals the segments of dead writers: each is scanned, and its last sound record is where it ends.

Run when a worker first writes to the shard. Any number may run at once, beside live writers: whoever holds the flock of
a segment owns it, and the kernel drops a dead process's locks. One segment that can't be read does not keep the
others from being sealed.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mda.errors import StorageUnavailable
from mda.identifiers import parse_id
from mda.storage.location import FOLDER_DIGITS, seal_path, segment_path
from mda.storage.scan import Damage, Found, scan_segment
from mda.storage.seal import Seal, SealReason, write_seal
from mda.storage.shard import Shard, open_shard
from mda.storage.syscalls import Syscalls


@dataclass(frozen=True, slots=True)
class SweptSegment:
    """A segment that was sealed now, how many records it holds, and what in it is damaged (a torn last record is
    what any crash leaves; nobody was told that it is stored)."""

    seal: Seal
    record_count: int
    damages: tuple[Damage, ...]


@dataclass(frozen=True, slots=True)
class UnsweptSegment:
    """A segment that stays open because the disk refused."""

    segment: int
    trouble: StorageUnavailable


def seal_abandoned(shard: Shard) -> tuple[SweptSegment | UnsweptSegment, ...]:
    """Seals every open segment of the shard whose writer is dead. StorageUnavailable without the shard's marker."""
    root = open_shard(shard.root, shard.id, shard.name)
    return tuple(result for segment in list_open(root) if (result := _sweep(shard.name, root, segment)))


def list_open(root: Path) -> tuple[int, ...]:
    """Identifiers of the segments without a seal, oldest first: one listing per folder, no file is opened."""
    return tuple(segment for segment, is_sealed in list_segments(root) if not is_sealed)


def list_segments(root: Path) -> Iterator[tuple[int, bool]]:
    """Every segment below the root, oldest first, with whether it has a seal."""
    folders = (entry for entry in root.iterdir() if len(entry.name) == FOLDER_DIGITS and entry.is_dir())
    for folder in sorted(folders):
        names = {entry.name for entry in folder.iterdir()}
        for name in sorted(names):
            segment = _segment_named(name)
            if segment is not None and segment_path(root, segment) == folder / name:
                yield segment, seal_path(root, segment).name in names


def segments_bytes(root: Path) -> int:
    """What all segments' files hold; 0 where they can't be reached."""
    total = 0
    with suppress(OSError):  # one may go meanwhile
        for segment, _ in list_segments(root):
            with suppress(OSError):
                total += segment_path(root, segment).stat().st_size
    return total


def _segment_named(name: str) -> int | None:
    stem, _, extension = name.partition(".")
    try:
        return parse_id(stem) if extension == "seg" else None
    except ValueError:
        return None


def _sweep(shard_name: str, root: Path, segment: int) -> SweptSegment | UnsweptSegment | None:
    try:
        fd = os.open(segment_path(root, segment), os.O_RDWR | os.O_CLOEXEC)
        try:
            return _sweep_opened(root, segment, fd)
        finally:
            os.close(fd)
    except (FileNotFoundError, BlockingIOError):
        return None  # its writer removed it, since nothing was in it; or lives
    except OSError as error:
        return UnsweptSegment(segment, StorageUnavailable(f"shard {shard_name} ({root}): {error.strerror}"))
    except StorageUnavailable as trouble:
        return UnsweptSegment(segment, trouble)


def _sweep_opened(root: Path, segment: int, fd: int) -> SweptSegment | None:
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # Looked at again under the lock: its writer, or another sweep, may have sealed it since.
    if seal_path(root, segment).exists():
        return None
    steps = [_without_bytes(step) for step in scan_segment(segment_path(root, segment))]
    ends = [step for step in steps if isinstance(step, int)]
    damages = tuple(step for step in steps if isinstance(step, Damage))
    with suppress(OSError):  # the zeros behind only take space
        os.ftruncate(fd, max((*ends, *(damage.end for damage in damages)), default=0))
    # The writer may have died before its fdatasync: what is found sound here must be so after a power cut, too.
    os.fdatasync(fd)
    seal = write_seal(root, segment, max(ends, default=0), SealReason.ABANDONED, Syscalls())
    return SweptSegment(seal, len(ends), damages)


def _without_bytes(step: Found | Damage) -> int | Damage:
    return step.end if isinstance(step, Found) else step
