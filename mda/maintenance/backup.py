"""Backups: a checkpoint of each shard, then its segments, those only that the folder has not yet.

A sealed segment never changes, so it is copied once. One that is being written is copied up to what it holds now, and
again by the next backup. The checkpoint comes first: every body that its rows speak of is then in some segment, since
a body is durable before its row; where compaction moves one meanwhile it is in two. A manifest, written last, makes a
backup of it. Whatever dies before leaves copies that the next backup takes.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mda.errors import StorageUnavailable
from mda.identifiers import IdentifierSource, format_id
from mda.maintenance import manifest
from mda.maintenance.checkpoint import write_checkpoint
from mda.maintenance.manifest import Manifest, ShardCopy
from mda.maintenance.pace import Pace
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.storage import unwritable
from mda.storage.abandoned import list_segments
from mda.storage.dictionaries import FOLDER as DICTIONARIES
from mda.storage.dictionaries import install, list_dictionaries
from mda.storage.location import segment_path
from mda.storage.scan import end_of_content
from mda.storage.seal import read_seal
from mda.storage.shard import Shard, open_shard
from mda.storage.syscalls import Syscalls, sync_folder

PIECE_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Copied:
    """A segment is in the backup folder now."""

    shard: str
    segment: int
    bytes: int


def back_up(
    handle: Handle,
    settings: Settings,
    shards: tuple[Shard, ...],
    root: Path,
    watch: Callable[[int], None] = lambda octets: None,
) -> Iterator[Copied | Manifest]:
    """Each segment that had to be copied; the last value is the backup. `watch` is told of what is copied."""
    identifiers = IdentifierSource()
    pace = Pace(settings.storage.maintenance_bytes_per_second, watch=watch)
    _require_writable(root)
    for shard in shards:
        write_checkpoint(handle, shard, settings, identifiers)
    copies = []
    for shard in shards:
        lengths: dict[str, int] = {}
        copy = ShardCopy(shard.id, shard.name, shard.url, lengths)
        target = root / copy.folder
        has_vanished = True
        while has_vanished:  # what compaction has removed meanwhile is in a segment that the listing did not have yet
            has_vanished = False
            for segment, is_sealed in list_segments(shard.root):
                length = _copy(shard, segment, target, pace, is_sealed=is_sealed)
                if length is None:
                    has_vanished = True
                    continue
                lengths[format_id(segment)] = abs(length)
                if length > 0:
                    yield Copied(shard.name, segment, length)
        for _, path in list_dictionaries(shard.root / DICTIONARIES):
            install(target, path.read_bytes())
        copies.append(copy)
    made = Manifest(identifiers.next(), datetime.now(UTC), tuple(copies))
    try:
        manifest.write(root, made)
    except OSError as error:
        raise _failed(root, error) from error
    yield made


def missing_bytes(shards: tuple[Shard, ...], root: Path) -> int:
    """About what the next backup will copy: the segments that the folder has not, or not whole. StorageUnavailable
    where a shard is not there."""
    total = 0
    for shard in shards:
        open_shard(shard.root, shard.id, shard.name)
        target = root / ShardCopy(shard.id, shard.name, shard.url, {}).folder
        for segment, _ in list_segments(shard.root):
            seal = read_seal(shard.root, segment)
            here = seal.length if seal else _size(segment_path(shard.root, segment))
            total += here if here != _size(segment_path(target, segment)) else 0
    return total


def prune(root: Path, keeps: int) -> int:
    """Forgets all but the newest `keeps` backups, and removes segments that none of those has; how many."""
    found = manifest.read_all(root)
    kept = {
        segment_path(root / copy.folder, segment)
        for one in found[-keeps:]
        for copy in one.shards
        for segment, _ in copy.lengths()
    }
    gone = [path for path in root.glob("*/*/*.seg") if path not in kept]
    try:
        for one in found[:-keeps]:
            manifest.forget(root, one)
        for path in gone:
            path.unlink()
    except OSError as error:
        raise _failed(root, error) from error
    return len(gone)


def _copy(shard: Shard, segment: int, target: Path, pace: Pace, *, is_sealed: bool) -> int | None:
    """The segment's length; negative where it was there already, None where compaction has removed it meanwhile."""
    source, to = segment_path(shard.root, segment), segment_path(target, segment)
    seal = read_seal(shard.root, segment) if is_sealed else None
    try:
        length = seal.length if seal else end_of_content(source)
        if to.exists() and (kept := _kept(to, length)) >= length:
            return -length if seal else -kept
        to.parent.mkdir(parents=True, exist_ok=True)
        copy_bytes(source, to, length, pace)
    except (OSError, StorageUnavailable) as error:
        if not source.exists():
            return None
        if isinstance(error, StorageUnavailable):
            raise
        raise _failed(target.parent, error) from error
    return length


def _kept(to: Path, length: int) -> int:
    """How much of a segment the folder has. A copy longer than `length` stays as it is, since an earlier backup may
    have what the disk has lost since; one by an older version may end in zeros."""
    size = _size(to)
    return end_of_content(to) if size > length else size


def _require_writable(root: Path) -> None:
    """Before all work: a disk that is full of errors or not mounted is told at once."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        raise _failed(root, error) from error


def _failed(root: Path, error: OSError) -> StorageUnavailable:
    what = f"{error.filename or root}: {error.strerror}"
    return StorageUnavailable(what, unwritable.remedy(root, error))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def copy_bytes(source: Path, to: Path, length: int, pace: Pace) -> None:
    """Whole and synced, or not at all."""
    system = Syscalls()
    draft = to.with_name(f".{to.name}.draft")
    with source.open("rb") as reading, draft.open("wb") as writing:
        left = length
        while left and (piece := reading.read(min(left, PIECE_BYTES))):
            pace.spend(len(piece))
            writing.write(piece)
            left -= len(piece)
        writing.flush()
        system.fsync(writing.fileno())
    system.rename(draft, to)
    sync_folder(system, to.parent)
