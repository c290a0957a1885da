"""One thing that a check has found: how bad, what follows from it, and the line that mends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """OK is a fact worth reading. SKIPPED could not be looked at. WARNING will hurt one day. ERROR loses, bounces or
    holds up mail now."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """`name` stays as it is from version to version: scripts look for it. Only warnings and errors have a consequence
    and a remedy: a line for root's shell, exactly as it stands, or a sentence where no line can mend it."""

    name: str
    level: Level
    text: str
    consequence: str = ""
    remedy: str = ""

    @property
    def area(self) -> str:
        """The part of the system: the name up to its first dot."""
        return self.name.partition(".")[0]


def ok(name: str, text: str) -> Finding:
    return Finding(name, Level.OK, text)


def skipped(name: str, text: str) -> Finding:
    return Finding(name, Level.SKIPPED, text)


def warning(name: str, text: str, consequence: str, remedy: str) -> Finding:
    return Finding(name, Level.WARNING, text, consequence, remedy)


def error(name: str, text: str, consequence: str, remedy: str) -> Finding:
    return Finding(name, Level.ERROR, text, consequence, remedy)


def worst(findings: Sequence[Finding]) -> Level:
    """The level that decides how it all ends."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.ERROR, Level.WARNING) if level in levels), Level.OK)
