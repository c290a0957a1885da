"""What the supervisor shows of itself and its workers to the monitor's threads: the figures, and whether all is well.

The supervisor publishes once a turn; readers never hold it up for longer than a merge takes.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mda.metrics import recorder
from mda.metrics.families import DATABASE_UP, SHARD_UP
from mda.metrics.merged import Series, Totals, merge, retire
from mda.metrics.region import Region

TURN_SECONDS = 10.0
"""A supervisor that has not turned for so long stands still; it turns every second."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of the health checks."""

    name: str
    is_well: bool
    text: str


class Board:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._regions: tuple[Region, ...] = ()
        self._retired: Totals = {}
        self._turned_at = time.monotonic()
        self._ready = 0
        self._is_stopping = False

    def publish(self, regions: Sequence[Region], ready: int, is_stopping: bool) -> None:
        with self._lock:
            self._regions = tuple(regions)
            self._turned_at, self._ready, self._is_stopping = time.monotonic(), ready, is_stopping

    def retire(self, region: Region) -> None:
        """The figures of a worker that has ended."""
        with self._lock:
            self._regions = tuple(one for one in self._regions if one is not region)
            retire(self._retired, region)

    def figures(self) -> tuple[Series, ...]:
        with self._lock:
            return merge((recorder.region(), *self._regions), self._retired)

    def is_alive(self) -> tuple[Finding, ...]:
        """Whether a restart would help."""
        still = time.monotonic() - self._turned_at
        return (Finding("supervisor", still < TURN_SECONDS, f"turned {still:.1f} s ago"),)

    def is_ready(self) -> tuple[Finding, ...]:
        """Whether mail is taken; with one of them unwell it is deferred, in part at least."""
        found = [*self.is_alive(), Finding("workers", self._ready > 0, f"{self._ready} ready")]
        if self._is_stopping:
            found.append(Finding("stopping", False, "told to end"))
        for series in self.figures():
            if series.family is DATABASE_UP:
                found.append(_dependency("database", series))
            elif series.family is SHARD_UP:
                found.append(_dependency(f"shard {series.labels[0]}", series))
        return tuple(found)


def _dependency(name: str, series: Series) -> Finding:
    is_well = series.value > 0
    return Finding(name, is_well, "reached" if is_well else "not reached")
