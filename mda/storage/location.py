"""Where a record lies: segment, offset, length; and where a segment's files lie below the root of its shard.

A segment's identifier is time-ordered (`mda.identifiers`), so that the first five of its sixteen digits, the name of
its folder, cover 70 minutes: folders stay small, and whatever a day brought is together.
"""

from pathlib import Path

import msgspec

from mda.identifiers import format_id

FOLDER_DIGITS = 5


class Location(msgspec.Struct, frozen=True):
    """One record: the segment's identifier, the offset of the record's first byte, its length with header."""

    segment: int
    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length

    def __str__(self) -> str:
        return f"segment {format_id(self.segment)}, offset {self.offset}, length {self.length}"


def segment_path(root: Path, segment: int) -> Path:
    """The segment's file."""
    name = format_id(segment)
    return root / name[:FOLDER_DIGITS] / f"{name}.seg"


def seal_path(root: Path, segment: int) -> Path:
    """The file that says how far the segment may be believed; there once the segment takes no more records."""
    return segment_path(root, segment).with_suffix(".seal")
