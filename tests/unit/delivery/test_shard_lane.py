"""A shard's lane beside a disk that hangs."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from mda.causes import Cause
from mda.delivery import shard_lane
from mda.delivery.commit_lane import CommitLane
from mda.delivery.job import BatchLimits, Outcomes
from mda.delivery.shard_lane import ShardLane
from mda.metadata.delivery.deliver import Delivery
from mda.storage.commits import CommitRecord
from mda.storage.encode import EncodedRecord, Encoder
from mda.storage.location import Location
from tests.unit.delivery.test_job import make_job


class Disk:
    """Hangs while it is told to."""

    def __init__(self) -> None:
        self.is_asked, self.goes_on = threading.Event(), threading.Event()

    def append(self, batch: Sequence[EncodedRecord]) -> tuple[Location, ...]:
        self.is_asked.set()
        self.goes_on.wait(30)
        return tuple(Location(1, 0, record.length) for record in batch)

    def note_commits(self, commits: Sequence[CommitRecord]) -> None: ...
    def flush_due(self, now: float) -> None: ...
    def close(self) -> None: ...


class Rows:
    """Refuses everything, in its own way; hangs before, while it is told to."""

    def __init__(self) -> None:
        self.is_asked, self.goes_on = threading.Event(), threading.Event()
        self.goes_on.set()

    def commit(self, batch: Sequence[Delivery], lock_wait_seconds: float = 0) -> Outcomes:
        self.is_asked.set()
        self.goes_on.wait(30)
        return (Cause.ACCOUNT_GONE,) * len(batch)

    def close(self) -> None: ...


def test_a_disk_that_hangs_piles_nothing_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shard_lane, "HUNG_SECONDS", 0.0)
    disk, told = Disk(), list[Outcomes]()
    limits = BatchLimits(10, 1000)
    rows = CommitLane(Rows(), limits, lambda *_: None)
    lane = ShardLane("first", lambda: disk, Encoder(), limits, rows)
    lane.submit(make_job(told, seconds=0.2))
    assert disk.is_asked.wait(30)
    lane.submit(make_job(told))
    assert told == [], "it may yet be in time"
    threading.Event().wait(0.3)
    lane.submit(make_job(told))
    assert told == [(Cause.STORAGE_UNAVAILABLE,)]
    disk.goes_on.set()
    lane.drain()
    rows.close()
    assert told[1:] == [(Cause.DEADLINE_PASSED,), (Cause.ACCOUNT_GONE,)], "the disk goes on, and so does the lane"


def test_a_database_that_hangs_is_named_and_piles_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_lane, "HUNG_SECONDS", 0.0)
    disk, server, told = Disk(), Rows(), list[Outcomes]()
    disk.goes_on.set()
    server.goes_on.clear()
    limits = BatchLimits(10, 1000)
    rows = CommitLane(server, limits, lambda *_: None)
    lane = ShardLane("first", lambda: disk, Encoder(), limits, rows)
    lane.submit(make_job(told, seconds=0.2))
    assert server.is_asked.wait(30)
    threading.Event().wait(0.3)
    lane.submit(make_job(told))
    assert told == [(Cause.DATABASE_UNAVAILABLE,)]
    server.goes_on.set()
    lane.drain()
    rows.close()
    assert told == [(Cause.DATABASE_UNAVAILABLE,), (Cause.ACCOUNT_GONE,)]
