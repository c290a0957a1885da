"""Seal files: a segment that takes no more records, and how far it may be believed.

A segment without a readable seal is open: its writer lives, or died and `mda.storage.abandoned` will seal it. Bytes
past the sealed length were never acknowledged: no reader or scan goes there.
"""

import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mda.identifiers import format_id
from mda.storage.checked_line import pack_line, unpack_line
from mda.storage.location import seal_path
from mda.storage.syscalls import Syscalls, replace_file

_HEADING = "mda-seal 1"


class SealReason(Enum):
    """Why a segment takes no more records."""

    FULL = "full"
    AGE = "age"
    CLOSED = "closed"
    TROUBLE = "trouble"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Seal:
    """`length` is the end of the last record that is durable; `sealed_at` is in seconds since 1970."""

    segment: int
    length: int
    reason: SealReason
    sealed_at: int


def write_seal(root: Path, segment: int, length: int, reason: SealReason, system: Syscalls) -> Seal:
    """Seals durably; OSError where that fails: the segment then stays open until somebody can."""
    seal = Seal(segment, length, reason, int(time.time()))
    fields: dict[str, str | int] = {
        "segment": format_id(segment),
        "length": length,
        "reason": reason.value,
        "sealed_at": seal.sealed_at,
    }
    replace_file(system, seal_path(root, segment), pack_line(_HEADING, fields))
    return seal


def read_seal(root: Path, segment: int) -> Seal | None:
    """The segment's seal; None where there is none, or none that can be believed."""
    try:
        raw_line = seal_path(root, segment).read_bytes()
    except FileNotFoundError:
        return None
    fields = unpack_line(_HEADING, raw_line)
    if fields is None or fields.get("segment") != format_id(segment):
        return None
    try:
        return Seal(segment, int(fields["length"]), SealReason(fields["reason"]), int(fields["sealed_at"]))
    except (KeyError, ValueError):
        return None
