"""The figures as JSON, between the monitor and the commands that show them."""

from collections.abc import Iterable

import msgspec

from mda.metrics.families import BY_NAME
from mda.metrics.merged import Series


class Line(msgspec.Struct, frozen=True):
    """One series: a value, or a histogram's buckets (not cumulative, infinity's last) and its sum."""

    name: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


def to_json(figures: Iterable[Series]) -> bytes:
    return msgspec.json.encode([Line(one.family.name, one.labels, one.values) for one in figures])


def from_json(raw: bytes) -> tuple[Series, ...]:
    """What another version counts otherwise is left out."""
    lines = msgspec.json.decode(raw, type=tuple[Line, ...])
    return tuple(
        Series(BY_NAME[line.name], line.labels, line.values)
        for line in lines
        if line.name in BY_NAME and len(line.values) == BY_NAME[line.name].cells
    )
