"""A power cut, simulated: everything that no sync has made durable is taken back. All who write must be dead.

Bytes: each unsynced write is undone from the journal, newest first, so that a file has again what its last sync
left, or the disk has kept them all the same: for each file the dice say which. In segments the disk may also have
written the length before the bytes: there a tail may be kept with zeros or noise in it.

Names: what was made or renamed in a folder that was not synced since is unmade and renamed back. PostgreSQL's folder
is left with its names as they are: PostgreSQL counts on file systems that order names themselves (ext4, XFS, btrfs).
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from random import Random

from tests.crash.journal import Entry, Kind, read_journal, unsynced


class Tail(Enum):
    """What becomes of a file's unsynced bytes."""

    CUT = "cut"
    KEPT = "kept"
    ZEROS = "zeros"
    NOISE = "noise"


OF_SEGMENTS = tuple(Tail)
OF_OTHERS = (Tail.CUT, Tail.CUT, Tail.KEPT)


@dataclass(frozen=True, slots=True)
class Lost:
    """What the cut took."""

    writes: int
    octets: int
    names: int


def cut_power(journal: Path, shards: Path, database: Path | None, random: Random) -> Lost:
    """Takes back what was not durable, and empties the journal: what is there now is durable."""
    gone = unsynced(read_journal(journal))
    paths = {path.stat().st_ino: path for path in _files(shards, *([database] if database else []))}
    tails: dict[int, Tail] = {}
    for write in gone.writes:
        path = paths.get(write.inode)
        if path is None:
            continue
        in_segment = path.suffix == ".seg" and path.is_relative_to(shards)
        tail = tails.setdefault(write.inode, random.choice(OF_SEGMENTS if in_segment else OF_OTHERS))
        _take_back(path, write, tail, random)
    names = [entry for entry in gone.names if entry.path.is_relative_to(shards)]
    for entry in names:
        _unname(entry)
    os.truncate(journal, 0)
    return Lost(len(gone.writes), sum(write.length for write in gone.writes), len(names))


def _files(*roots: Path) -> Iterator[Path]:
    return (path for root in roots for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def _take_back(path: Path, write: Entry, tail: Tail, random: Random) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        match tail:
            case Tail.KEPT:
                return
            case Tail.ZEROS | Tail.NOISE:
                length = max(0, min(write.length, size - write.offset))
                file.seek(write.offset)
                file.write(random.randbytes(length) if tail is Tail.NOISE else bytes(length))
            case Tail.CUT:
                file.seek(write.offset)
                file.write(write.before)
                file.truncate(write.old_size)


def _unname(entry: Entry) -> None:
    if entry.kind is Kind.RENAMED:
        if entry.path.exists():
            entry.path.rename(os.fsdecode(entry.before))
    elif entry.path.is_dir():
        shutil.rmtree(entry.path)
    else:
        entry.path.unlink(missing_ok=True)
