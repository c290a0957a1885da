"""Segments whose live records are elsewhere: marked first, removed after a while, so that whoever has looked up a place
in one can still read it.

The mark is a file beside the segment, `NAME.retired`, one checked line. Removal takes the segment first: a mark or a
seal without its segment is litter, which the next removal takes; a segment without its seal would be swept as a dead
writer's and live on.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from mda.identifiers import format_id
from mda.storage.abandoned import list_segments
from mda.storage.checked_line import pack_line, unpack_line
from mda.storage.location import FOLDER_DIGITS, seal_path, segment_path
from mda.storage.syscalls import Syscalls, replace_file, sync_folder

_HEADING = "mda-retired 1"


@dataclass(frozen=True, slots=True)
class Retired:
    """`retired_at` is in seconds since 1970."""

    segment: int
    retired_at: int


def retired_path(root: Path, segment: int) -> Path:
    return segment_path(root, segment).with_suffix(".retired")


def retire(root: Path, segment: int) -> None:
    """Marks the segment, durably; OSError where that fails."""
    fields: dict[str, str | int] = {"segment": format_id(segment), "retired_at": int(time.time())}
    replace_file(Syscalls(), retired_path(root, segment), pack_line(_HEADING, fields))


def revive(root: Path, segment: int) -> None:
    """Takes the mark away: something leads to the segment after all."""
    retired_path(root, segment).unlink(missing_ok=True)


def list_retired(root: Path) -> tuple[Retired, ...]:
    """Those that are marked and still there, oldest first."""
    found = (_read(root, segment) for segment, _ in list_segments(root))
    return tuple(one for one in found if one is not None)


def remove(root: Path, segment: int) -> None:
    """Removes the segment, then its seal and its mark; OSError where that fails."""
    path = segment_path(root, segment)
    path.unlink(missing_ok=True)
    sync_folder(Syscalls(), path.parent)
    seal_path(root, segment).unlink(missing_ok=True)
    retired_path(root, segment).unlink(missing_ok=True)


def clear_litter(root: Path) -> None:
    """Takes marks and seals whose segment is gone: a removal was interrupted."""
    for folder in [entry for entry in root.iterdir() if len(entry.name) == FOLDER_DIGITS and entry.is_dir()]:
        for path in [*folder.glob("*.retired")]:
            if not path.with_suffix(".seg").exists():
                path.with_suffix(".seal").unlink(missing_ok=True)
                path.unlink(missing_ok=True)


def _read(root: Path, segment: int) -> Retired | None:
    try:
        raw_line = retired_path(root, segment).read_bytes()
    except FileNotFoundError:
        return None
    fields = unpack_line(_HEADING, raw_line)
    if fields is None or fields.get("segment") != format_id(segment):
        return None
    return Retired(segment, int(fields["retired_at"]))
