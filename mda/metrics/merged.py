"""The figures of all processes as one, those included that have ended: a counter never falls while we serve."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mda.metrics.families import BY_NAME, FAMILIES, Family, Kind, Merge
from mda.metrics.region import SEPARATOR, Region

Totals = dict[tuple[str, tuple[str, ...]], tuple[float, ...]]
"""Values by family's name and labels."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series: a single value, or a histogram's buckets (not cumulative, infinity's last) and its sum."""

    family: Family
    labels: tuple[str, ...]
    values: tuple[float, ...]

    @property
    def value(self) -> float:
        """Of a counter or gauge; how many a histogram has seen."""
        return sum(self.values[:-1]) if self.family.kind is Kind.HISTOGRAM else self.values[0]

    @property
    def total(self) -> float:
        """A histogram's sum."""
        return self.values[-1]

    def quantile(self, share: float) -> float | None:
        """Below which `share` of a histogram's observations lie, straight within each bucket; None without any."""
        counts, bounds = self.values[:-1], self.family.bounds
        wanted, seen = share * sum(counts), 0.0
        if not sum(counts):
            return None
        for number, count in enumerate(counts):
            if count and seen + count >= wanted:
                low = bounds[number - 1] if number else 0.0
                high = bounds[number] if number < len(bounds) else bounds[-1]
                return low + (high - low) * max(0.0, wanted - seen) / count
            seen += count
        return bounds[-1]


def merge(regions: Iterable[Region], retired: Totals | None = None) -> tuple[Series, ...]:
    """Sums over processes, in the families' order; `retired` is what processes that have ended had counted."""
    totals: Totals = dict(retired or {})
    for region in regions:
        _take_in(totals, region)
    order = {family.name: number for number, family in enumerate(FAMILIES)}
    found = (Series(BY_NAME[name], labels, values) for (name, labels), values in totals.items())
    return tuple(sorted(found, key=lambda one: (order[one.family.name], one.labels)))


def retire(retired: Totals, region: Region) -> None:
    """Adds what a process has counted to `retired`; its gauges end with it."""
    _take_in(retired, region, keeps_gauges=False)


def difference(after: Iterable[Series], before: Iterable[Series]) -> tuple[Series, ...]:
    """What has been counted between two looks; gauges as they are."""
    known: Mapping[tuple[str, tuple[str, ...]], tuple[float, ...]] = {
        (one.family.name, one.labels): one.values for one in before
    }
    return tuple(
        one if one.family.kind is Kind.GAUGE else _less(one, known.get((one.family.name, one.labels))) for one in after
    )


def _less(series: Series, before: tuple[float, ...] | None) -> Series:
    if before is None or len(before) != len(series.values):
        return series
    values = tuple(max(0.0, now - then) for now, then in zip(series.values, before, strict=True))
    return Series(series.family, series.labels, values)


def _take_in(totals: Totals, region: Region, *, keeps_gauges: bool = True) -> None:
    for name, values in region.read():
        family_name, *labels = name.split(SEPARATOR)
        family = BY_NAME.get(family_name)
        # What another version counts otherwise is left out.
        if family is None or len(values) != family.cells or len(labels) != len(family.labels):
            continue
        if family.kind is Kind.GAUGE and not keeps_gauges:
            continue
        key = family_name, tuple(labels)
        totals[key] = _together(family, totals[key], values) if key in totals else values


def _together(family: Family, one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    if family.kind is Kind.GAUGE and family.merge is not Merge.SUM:
        return (min(one[0], other[0]) if family.merge is Merge.LEAST else max(one[0], other[0]),)
    return tuple(a + b for a, b in zip(one, other, strict=True))
