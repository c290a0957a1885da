"""The fault library's journal, read: what was changed, and what of it a sync has made durable.

`unsynced` goes through it from the front and returns what a power cut at its end takes back, newest first. Positions
are those of the entries in the journal: a sync covers what had been journaled when it began, no more.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

_HEADER = struct.Struct("<8sIIQQQQQ")
_MAGIC = b"\xfaultjrn\x01"


class Kind(IntEnum):
    WRITE = 1
    SYNCED = 2
    LOST = 3
    FORGOTTEN = 4
    MADE = 5
    RENAMED = 6
    FOLDER_SYNCED = 7


@dataclass(frozen=True, slots=True)
class Entry:
    """See enum journal_kind in fault/fault.h; `before` is what a write overwrote, or the old name of a rename."""

    position: int
    kind: Kind
    path: Path
    inode: int
    offset: int
    length: int
    old_size: int
    before: bytes


@dataclass(slots=True)
class Unsynced:
    """What nobody has made durable, newest first."""

    writes: list[Entry]
    names: list[Entry]


@dataclass(slots=True)
class _File:
    """One inode's writes: those that the next sync may still save, and those that no sync will."""

    open: list[Entry] = field(default_factory=list)
    lost: list[Entry] = field(default_factory=list)


def read_journal(path: Path) -> Iterator[Entry]:
    """Whole entries; one that a killed process left torn is passed over (its call was never made)."""
    raw = path.read_bytes()
    at = raw.find(_MAGIC)
    while at >= 0:
        entry, end = _entry(raw, at)
        if entry is not None:
            yield entry
        at = raw.find(_MAGIC, end)


def _entry(raw: bytes, at: int) -> tuple[Entry | None, int]:
    if at + _HEADER.size > len(raw):
        return None, at + 1
    _, kind, path_length, inode, offset, length, old_size, before_length = _HEADER.unpack_from(raw, at)
    path_at = at + _HEADER.size
    before_at = path_at + path_length
    end = before_at + before_length
    if raw[end : end + len(_MAGIC)] != _MAGIC:
        return None, at + 1
    path = Path(raw[path_at:before_at].decode())
    entry = Entry(at, Kind(kind), path, inode, offset, length, old_size, raw[before_at:end])
    return entry, end + len(_MAGIC)


def unsynced(entries: Iterator[Entry]) -> Unsynced:
    """What a power cut takes back."""
    files: dict[int, _File] = {}
    names: list[Entry] = []
    for entry in entries:
        match entry.kind:
            case Kind.WRITE:
                files.setdefault(entry.inode, _File()).open.append(entry)
            case Kind.SYNCED:
                _sync(files.setdefault(entry.inode, _File()), entry.length)
            case Kind.LOST:
                _lose(files.setdefault(entry.inode, _File()), entry.length)
            case Kind.FORGOTTEN:
                files.pop(entry.inode, None)
            case Kind.MADE | Kind.RENAMED:
                names.append(entry)
            case Kind.FOLDER_SYNCED:
                names = [one for one in names if one.path.parent != entry.path or one.position >= entry.length]
    writes = [write for file in files.values() for write in (*file.open, *file.lost)]
    return Unsynced(_newest_first(writes), _newest_first(names))


def _sync(file: _File, upto: int) -> None:
    file.open = [write for write in file.open if write.position >= upto]


def _lose(file: _File, upto: int) -> None:
    """A sync has failed: the kernel says so once, and then takes those pages for clean."""
    file.lost += [write for write in file.open if write.position < upto]
    _sync(file, upto)


def _newest_first(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.position, reverse=True)
