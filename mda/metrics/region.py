"""The memory in which one process counts, and which its supervisor reads at any time without asking it.

Cells of 8 octets, a double each. Cell 0 says how many are in use, cell 1 is the heartbeat. A series is appended once,
and is seen when cell 0 has moved past it:

    octets of its name | number of values | name, padded to 8 octets | the values

The name is the family's and the labels' values with US (0x1f) between: names, not numbers, since the processes may be
of two versions while workers are replaced. Counting never fails: where the region is full, new series are dropped.
"""

import mmap
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from mda.metrics.families import Family

REGION_OCTETS = 131_072
SEPARATOR = "\x1f"
LONGEST_NAME = 400

_USED, _HEARTBEAT, _FIRST = 0, 1, 2


class Region:
    """One process's figures; `fd` -1: memory of its own. Threads of the process may count at the same time."""

    def __init__(self, fd: int = -1) -> None:
        self._memory = mmap.mmap(fd, REGION_OCTETS)
        self._octets = memoryview(self._memory)
        self._cells = self._octets.cast("d")
        self._lock = threading.Lock()
        self._known: dict[tuple[Family, tuple[str, ...]], int] = {}
        if not self._cells[_USED]:
            self._cells[_USED] = _FIRST

    def add(self, family: Family, labels: tuple[str, ...], amount: float) -> None:
        with self._lock:
            if place := self._place(family, labels):
                self._cells[place] += amount

    def put(self, family: Family, labels: tuple[str, ...], value: float) -> None:
        with self._lock:
            if place := self._place(family, labels):
                self._cells[place] = value

    def observe(self, family: Family, labels: tuple[str, ...], values: Sequence[float]) -> None:
        """Each into its bucket of a histogram, of which infinity's is the last; the sum stands behind them."""
        with self._lock:
            if place := self._place(family, labels):
                for value in values:
                    self._cells[place + bisect_left(family.bounds, value)] += 1
                self._cells[place + family.cells - 1] += sum(values)

    def beat(self, now: float) -> None:
        self._cells[_HEARTBEAT] = now

    @property
    def heartbeat(self) -> float:
        """time.monotonic() of the last beat; 0 before the first."""
        return self._cells[_HEARTBEAT]

    def read(self) -> Iterator[tuple[str, tuple[float, ...]]]:
        """Name and values of each series, also while another process counts."""
        place, used = _FIRST, min(int(self._cells[_USED]), len(self._cells))
        while place + 2 <= used:
            octets, count = int(self._cells[place]), int(self._cells[place + 1])
            begin, first = (place + 2) * 8, place + 2 + _padded(octets)
            if octets < 1 or count < 1 or first + count > used:
                return  # scribbled over: what stands behind can't be found
            yield (
                bytes(self._octets[begin : begin + octets]).decode("utf-8", "replace"),
                tuple(self._cells[first : first + count]),
            )
            place = first + count

    def _place(self, family: Family, labels: tuple[str, ...]) -> int:
        """0 where there is no room for the series."""
        place = self._known.get((family, labels))
        if place is None:
            place = self._known[family, labels] = self._append(family, labels)
        return place

    def _append(self, family: Family, labels: tuple[str, ...]) -> int:
        raw = SEPARATOR.join((family.name, *labels)).encode("utf-8", "replace")
        place = int(self._cells[_USED])
        first = place + 2 + _padded(len(raw))
        if len(raw) > LONGEST_NAME or first + family.cells > len(self._cells):
            return 0
        self._cells[place], self._cells[place + 1] = len(raw), family.cells
        self._octets[(place + 2) * 8 : (place + 2) * 8 + len(raw)] = raw
        self._cells[_USED] = first + family.cells
        return first


def _padded(octets: int) -> int:
    return -(-octets // 8)
