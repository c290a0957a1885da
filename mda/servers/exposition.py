"""The figures as Prometheus reads them: its text format."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from mda.metrics.families import FAMILIES, Family, Kind
from mda.metrics.merged import Series

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What prometheus_client's generate_latest writes."""


def to_text(figures: Sequence[Series]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(figures))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, figures: Sequence[Series]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        for family in FAMILIES:
            yield _metric(family, [one for one in self._figures if one.family is family])


def _metric(family: Family, found: Sequence[Series]) -> Metric:
    match family.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(family.name, family.help, labels=family.labels)
            for one in found:
                counter.add_metric(one.labels, one.value)
            if not found and not family.labels:
                counter.add_metric((), 0)  # so that the first event is an increase
            return counter
        case Kind.GAUGE:
            gauge = GaugeMetricFamily(family.name, family.help, labels=family.labels)
            for one in found:
                gauge.add_metric(one.labels, one.value)
            return gauge
        case Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
            for one in found:
                histogram.add_metric(one.labels, _cumulative(one), one.total)
            return histogram


def _cumulative(series: Series) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in series.family.bounds), "+Inf"]
    seen, buckets = 0.0, []
    for bound, count in zip(bounds, series.values[:-1], strict=True):
        seen += count
        buckets.append((bound, seen))
    return buckets
