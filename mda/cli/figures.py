"""The running service's figures, asked of its monitor, and what `mda stats` and `mda top` show of them."""

import http.client
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mda.errors import NotFound
from mda.metrics import families, wire
from mda.metrics.families import Family, Kind
from mda.metrics.merged import Series
from mda.settings import Settings

PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of deliveries: how often, its median and its 99th percentile in seconds (None: never)."""

    name: str
    count: float
    median: float | None
    slow: float | None
    batch: float | None = None
    """Mean size of a batch, where it has some."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_SECONDS)
        self.sock.connect(str(self._path))


def fetch(settings: Settings) -> tuple[Series, ...]:
    """NotFound where no service answers."""
    path = settings.monitor_socket
    connection = _Connection(path)
    try:
        connection.request("GET", "/stats")
        return wire.from_json(connection.getresponse().read())
    except (OSError, http.client.HTTPException) as error:
        raise NotFound(
            f"no service answers on {path}: {getattr(error, 'strerror', None) or error}",
            "start it: mda serve; or name its settings with --config",
        ) from error
    finally:
        connection.close()


def total(figures: Sequence[Series], family: Family, *labels: str) -> float:
    """Sum of the family's series whose first labels are these."""
    return sum(one.value for one in figures if one.family is family and one.labels[: len(labels)] == labels)


def by_label(figures: Sequence[Series], family: Family, place: int = -1) -> dict[str, float]:
    """Sums by one label, the largest first, zeros left out."""
    sums: dict[str, float] = {}
    for one in figures:
        if one.family is family and one.value:
            sums[one.labels[place]] = sums.get(one.labels[place], 0) + one.value
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def stages(figures: Sequence[Series]) -> tuple[Stage, ...]:
    """In the order in which a message passes them."""
    found = []
    for name, family, sizes in (
        ("look-up", families.LOOKUP_SECONDS, None),
        ("inspect", families.INSPECT_SECONDS, None),
        ("append", families.APPEND_SECONDS, families.APPEND_RECORDS),
        ("commit", families.COMMIT_SECONDS, families.COMMIT_ROWS),
        ("whole delivery", families.DELIVERY_SECONDS, None),
    ):
        for one in figures:
            if one.family is family:
                label = f"{name} {one.labels[0]}" if one.labels else name
                found.append(Stage(label, one.value, one.quantile(0.5), one.quantile(0.99), _mean(figures, sizes, one)))
    return tuple(found)


def plain(series: Series) -> dict[str, object]:
    """One series for people's scripts."""
    row: dict[str, object] = {
        "name": series.family.name,
        "labels": dict(zip(series.family.labels, series.labels, strict=True)),
    }
    if series.family.kind is not Kind.HISTOGRAM:
        return row | {"value": series.value}
    return row | {
        "count": series.value,
        "sum": series.total,
        "median": series.quantile(0.5),
        "p99": series.quantile(0.99),
    }


def _mean(figures: Sequence[Series], sizes: Family | None, of: Series) -> float | None:
    for one in figures:
        if one.family is sizes and one.labels == of.labels and one.value:
            return one.total / one.value
    return None
