"""Counting, from anywhere in the process: `add`, `put`, `observe`, `observe_all`.

A process's composition root calls `attach` with the memory that its supervisor reads; without it the figures are the
process's own. Labels are given in the family's order.
"""

from collections.abc import Sequence

from mda.metrics.families import Family
from mda.metrics.region import Region


class _Process:
    region = Region()


def attach(region: Region) -> None:
    """From here on this process counts in `region`."""
    _Process.region = region


def region() -> Region:
    return _Process.region


def add(family: Family, *labels: str, amount: float = 1) -> None:
    _Process.region.add(family, labels, amount)


def put(family: Family, value: float, *labels: str) -> None:
    _Process.region.put(family, labels, value)


def observe(family: Family, value: float, *labels: str) -> None:
    _Process.region.observe(family, labels, (value,))


def observe_all(family: Family, values: Sequence[float], *labels: str) -> None:
    _Process.region.observe(family, labels, values)
