"""Figures of several processes: counted by threads, read while they count, summed, and never falling."""

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mda.metrics.families import COMMIT_SECONDS, CONNECTIONS, DATABASE_UP, DELIVERIES, FAMILIES, Kind
from mda.metrics.merged import Series, Totals, difference, merge, retire
from mda.metrics.region import REGION_OCTETS, Region


def values(*regions: Region, retired: Totals | None = None) -> dict[tuple[str, ...], tuple[float, ...]]:
    return {(one.family.name, *one.labels): one.values for one in merge(regions, retired)}


def test_threads_lose_nothing() -> None:
    region = Region()

    def count() -> None:
        for _ in range(20_000):
            region.add(DELIVERIES, ("delivered", ""), 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(region) == {("mda_deliveries_total", "delivered", ""): (80_000,)}


def test_another_mapping_of_the_same_memory_reads_it() -> None:
    fd = os.memfd_create("figures")
    os.ftruncate(fd, REGION_OCTETS)
    worker, supervisor = Region(fd), Region(fd)
    os.close(fd)
    worker.add(DELIVERIES, ("rejected", "mailbox_full"), 2)
    worker.observe(COMMIT_SECONDS, ("rows",), (0.0001, 0.0002, 0.2, 90.0))
    worker.beat(7.5)
    assert supervisor.heartbeat == 7.5
    found = values(supervisor)
    assert found["mda_deliveries_total", "rejected", "mailbox_full"] == (2,)
    *counts, total = found["mda_commit_seconds", "rows"]
    assert {place: count for place, count in enumerate(counts) if count} == {0: 1, 1: 1, 10: 1, 16: 1}
    assert total == pytest.approx(90.2003)


def test_counters_add_up_and_gauges_merge_as_they_should() -> None:
    one, other = Region(), Region()
    for region, connections, up in ((one, 3, 1), (other, 4, 0)):
        region.add(DELIVERIES, ("delivered", ""), connections)
        region.put(CONNECTIONS, (), connections)
        region.put(DATABASE_UP, (), up)
    assert values(one, other) == {
        ("mda_deliveries_total", "delivered", ""): (7,),
        ("mda_lmtp_connections",): (7,),
        ("mda_database_up",): (0,),
    }


def test_what_a_dead_worker_counted_stays_and_its_gauges_go() -> None:
    dead, living, retired = Region(), Region(), Totals()
    dead.add(DELIVERIES, ("delivered", ""), 5)
    dead.put(CONNECTIONS, (), 9)
    retire(retired, dead)
    living.add(DELIVERIES, ("delivered", ""), 1)
    assert values(living, retired=retired) == {("mda_deliveries_total", "delivered", ""): (6,)}
    assert values(living, retired=retired) == {("mda_deliveries_total", "delivered", ""): (6,)}, "twice the same"


def test_a_full_region_drops_new_series_and_counts_the_old() -> None:
    region = Region()
    region.add(DELIVERIES, ("delivered", ""), 1)
    for number in range(10_000):
        region.observe(COMMIT_SECONDS, (f"lane {number}",), (0.1,))
    region.add(DELIVERIES, ("delivered", ""), 1)
    found = values(region)
    assert found["mda_deliveries_total", "delivered", ""] == (2,)
    assert 100 < len(found) < 10_000
    region.add(DELIVERIES, ("x" * 1000, ""), 1)
    assert values(region) == found, "a name that is too long is no series"


@given(st.binary(max_size=400))
def test_scribbled_memory_is_read_without_failing(raw: bytes) -> None:
    fd = os.memfd_create("figures")
    os.write(fd, raw)
    os.ftruncate(fd, REGION_OCTETS)
    try:
        list(merge([Region(fd)]))
    except (OverflowError, ValueError):
        pytest.fail("reading failed")
    finally:
        os.close(fd)


def test_difference_is_of_counters_alone() -> None:
    region = Region()
    region.add(DELIVERIES, ("delivered", ""), 5)
    region.put(CONNECTIONS, (), 9)
    before = merge([region])
    region.add(DELIVERIES, ("delivered", ""), 2)
    region.put(CONNECTIONS, (), 4)
    assert {one.family.name: one.value for one in difference(merge([region]), before)} == {
        "mda_deliveries_total": 2,
        "mda_lmtp_connections": 4,
    }


def test_quantiles_lie_in_their_bucket() -> None:
    counts = [0.0] * (COMMIT_SECONDS.cells - 1)
    assert Series(COMMIT_SECONDS, ("rows",), (*counts, 0)).quantile(0.5) is None
    counts[3], counts[5] = 90, 10  # up to 1 ms, up to 5 ms
    series = Series(COMMIT_SECONDS, ("rows",), (*counts, 1.0))
    assert 0.0005 < (series.quantile(0.5) or 0) <= 0.001
    assert 0.0025 < (series.quantile(0.99) or 0) <= 0.005
    counts[-1] = 1000
    assert Series(COMMIT_SECONDS, ("rows",), (*counts, 1.0)).quantile(0.9) == COMMIT_SECONDS.bounds[-1]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_keep_prometheus_conventions(family: object) -> None:
    assert isinstance(family, type(DELIVERIES))
    assert family.name.startswith("mda_")
    assert (family.kind is Kind.COUNTER) == family.name.endswith("_total")
    assert not family.name.endswith(("_count", "_sum", "_bucket", "_milliseconds", "_ms", "_mb"))
    assert family.help.endswith(".")
    assert list(family.bounds) == sorted(set(family.bounds))
    assert (family.kind is Kind.HISTOGRAM) == bool(family.bounds)
