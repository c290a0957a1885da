"""Segments without a seal that counts: of writers that are dead, or whose seal is damaged."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from mda.errors import StorageUnavailable
from mda.identifiers import format_id
from mda.maintenance.findings import Finding, Kind, Outcome
from mda.storage.abandoned import SweptSegment, UnsweptSegment, list_segments, seal_abandoned
from mda.storage.location import seal_path, segment_path
from mda.storage.seal import read_seal
from mda.storage.shard import Shard


def check(shard: Shard, *, repairs: bool) -> Iterator[Finding]:
    """What is wrong with the shard's seals; with `repairs` each segment of a dead writer is scanned and sealed."""
    for segment, is_sealed in list_segments(shard.root):
        if is_sealed and read_seal(shard.root, segment) is None:
            yield _damaged_seal(shard, segment, repairs=repairs)
    if not repairs:
        for segment, is_sealed in list_segments(shard.root):
            if not is_sealed and not _is_held(segment_path(shard.root, segment)):
                yield Finding(Kind.UNSEALED, _place(shard, segment), "its writer is dead", Outcome.FOUND)
        return
    for swept in seal_abandoned(shard):
        match swept:
            case SweptSegment():
                torn = sum(damage.length for damage in swept.damages)
                what = f"sealed behind {swept.record_count} records" + (f"; {torn} bytes are torn" if torn else "")
                yield Finding(Kind.UNSEALED, _place(shard, swept.seal.segment), what, Outcome.REPAIRED)
            case UnsweptSegment():
                yield Finding(Kind.UNSEALED, _place(shard, swept.segment), str(swept.trouble), Outcome.LEFT)


def _damaged_seal(shard: Shard, segment: int, *, repairs: bool) -> Finding:
    place = _place(shard, segment)
    if not repairs:
        return Finding(Kind.DAMAGED_SEAL, place, "its seal can't be read", Outcome.FOUND)
    try:
        seal_path(shard.root, segment).unlink()
    except OSError as error:
        return Finding(Kind.DAMAGED_SEAL, place, error.strerror or str(error), Outcome.LEFT)
    return Finding(Kind.DAMAGED_SEAL, place, "removed; the segment is sealed again by a scan", Outcome.REPAIRED)


def _is_held(path: Path) -> bool:
    """Whether a writer holds the segment's lock."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True  # removed by its writer, which lives
    except OSError as error:
        raise StorageUnavailable(f"{path}: {error.strerror}", "see the kernel's log for the disk's state") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _place(shard: Shard, segment: int) -> str:
    return f"shard {shard.name}, segment {format_id(segment)}"
