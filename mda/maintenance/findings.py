"""What a check of the store can find, and what became of it."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What is wrong. The words are what the command prints."""

    MISSING = "missing body"
    DAMAGED_BODY = "damaged body"
    MISPLACED = "misplaced body"
    DAMAGED_SEGMENT = "damaged segment"
    TRUNCATED = "truncated segment"
    UNSEALED = "segment of a dead writer"
    DAMAGED_SEAL = "damaged seal"
    LOST = "lost mail"
    LOST_CONTENT = "lost content row"
    ORPHANED = "orphaned body"
    COUNTER = "wrong counter"
    UID = "wrong UID"
    DUPLICATE = "duplicated row"
    NO_REPLICA = "missing replica"


class Outcome(Enum):
    """FOUND by a dry run, which does not know what could be mended; REPAIRED; or LEFT for the admin."""

    FOUND = "found"
    REPAIRED = "repaired"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: `place` names shard, segment and offset, or the account; `what` the flaw and what was
    done about it."""

    kind: Kind
    place: str
    what: str
    outcome: Outcome
