"""What the classifier's peers have in common: they learn labelled files, then judge others.

`Judged` is what one of them makes of the files, in their order; `cpu_seconds` what a running program has taken so far,
`counted` shows how far a slow one is.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mda.antispam.trial import Entry

Scored = list[tuple[float, bool]]
"""(score, is_spam), where a higher score is more like spam."""

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
SHOWN_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """Scores by name, as one program may give several, and the CPU seconds that judging took, if they were taken."""

    scored: dict[str, Scored]
    seconds: float


def cpu_seconds(pid: int) -> float:
    """User's and system's time of a process, without its children's (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def counted(what: str, entries: Sequence[Entry]) -> Iterator[Entry]:
    """`entries`, while a line on standard error tells how far it is."""
    for number, entry in enumerate(entries):
        if number % SHOWN_EVERY == 0:
            print(f"  {what} {number:,} of {len(entries):,}", file=sys.stderr, flush=True)
        yield entry
