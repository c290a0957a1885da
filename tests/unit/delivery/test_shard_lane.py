"""A shard's lane: beside a disk or a database that hangs, and who commits its rows."""

import io
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mda import logs
from mda.causes import Cause
from mda.delivery import company, shard_lane
from mda.delivery.commit_lane import CommitLane
from mda.delivery.job import BatchLimits, Outcomes
from mda.delivery.shard_lane import ShardLane
from mda.delivery.twin import Twin
from mda.metadata.delivery.deliver import Delivery
from mda.settings import Log
from mda.storage.commits import CommitRecord
from mda.storage.encode import EncodedRecord, Encoder
from mda.storage.location import Location
from tests.unit.delivery.test_job import make_job
from tests.unit.servers.house import wait_for


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    yield
    logs.configure(Log())


class Disk:
    """Hangs while it is told to."""

    def __init__(self) -> None:
        self.is_asked, self.goes_on = threading.Event(), threading.Event()

    def append(self, batch: Sequence[EncodedRecord]) -> tuple[Location, ...]:
        self.is_asked.set()
        self.goes_on.wait(30)
        return tuple(Location(1, 0, record.length) for record in batch)

    def note_commits(self, commits: Sequence[CommitRecord]) -> None: ...

    def flush_due(self, now: float) -> None:
        self.is_asked.set()
        self.goes_on.wait(30)

    def close(self) -> None: ...


class Rows:
    """Refuses everything, in its own way; hangs before, while it is told to."""

    def __init__(self) -> None:
        self.is_asked, self.goes_on = threading.Event(), threading.Event()
        self.goes_on.set()
        self.batches: list[tuple[str, int]] = []
        """By which thread, and how many rows."""

    def commit(self, batch: Sequence[Delivery], lock_wait_seconds: float = 0) -> Outcomes:
        self.batches.append((threading.current_thread().name, len(batch)))
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


def test_a_batch_waits_for_who_had_company_in_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "WAIT_SHARE", 1e9)
    monkeypatch.setattr(company, "MOST_WAIT_SECONDS", 30.0)
    disk, server, told = Disk(), Rows(), list[Outcomes]()
    limits = BatchLimits(10, 1000)
    rows = CommitLane(server, limits, lambda *_: None)
    lane = ShardLane("first", lambda: disk, Encoder(), limits, rows)
    lane.submit(make_job(told))
    assert disk.is_asked.wait(30)
    for _ in range(2):
        lane.submit(make_job(told))
    disk.goes_on.set()
    wait_for(lambda: len(told) == 1, "the first answer")
    assert [rows for _, rows in server.batches] == [1], "the second waits for the first one's sender"
    lane.submit(make_job(told))
    wait_for(lambda: len(told) == 4, "the last answer")
    assert [rows for _, rows in server.batches] == [1, 3]
    lane.drain()
    rows.close()


def test_a_database_that_hangs_is_named_and_piles_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_lane, "HUNG_SECONDS", 0.0)
    logs.configure(Log(), said := io.StringIO())
    disk, server, told = Disk(), Rows(), list[Outcomes]()
    disk.goes_on.set()
    server.goes_on.clear()
    limits = BatchLimits(10, 1000)
    rows = CommitLane(server, limits, lambda *_: None)
    lane = ShardLane("first", lambda: disk, Encoder(), limits, rows)
    lane.submit(make_job(told, seconds=0.2))
    assert server.is_asked.wait(30)
    lane.complain(30)
    assert said.getvalue() == "", "it is not late yet"
    threading.Event().wait(0.3)
    lane.submit(make_job(told))
    assert told == [(Cause.DATABASE_UNAVAILABLE,)]
    lane.complain(0.2)
    lane.complain()
    server.goes_on.set()
    lane.drain()
    lane.complain()
    rows.close()
    assert told == [(Cause.DATABASE_UNAVAILABLE,), (Cause.ACCOUNT_GONE,)]
    (line,) = said.getvalue().splitlines()
    assert "event=shard_late shard=first cause=DATABASE_UNAVAILABLE" in line
    assert "remedy=" in line


def test_a_disk_that_hangs_under_commit_records_piles_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for those, so there is no deadline."""
    monkeypatch.setattr(shard_lane, "HUNG_SECONDS", 0.1)
    disk, told = Disk(), list[Outcomes]()
    disk.goes_on.set()
    limits = BatchLimits(10, 1000)
    rows = CommitLane(Rows(), limits, lambda *_: None)
    lane = ShardLane("first", lambda: disk, Encoder(), limits, rows)
    lane.submit(make_job(told))
    while not told:
        threading.Event().wait(0.01)
    disk.goes_on.clear()
    disk.is_asked.clear()
    assert disk.is_asked.wait(30)
    threading.Event().wait(0.3)
    lane.submit(make_job(told))
    assert told == [(Cause.ACCOUNT_GONE,), (Cause.STORAGE_UNAVAILABLE,)]
    disk.goes_on.set()
    lane.drain()
    rows.close()


def test_rows_of_two_shards_are_carried_with_the_others_of_their_batch() -> None:
    disks, server, told = (Disk(), Disk()), Rows(), list[Outcomes]()
    disks[0].goes_on.set()
    limits = BatchLimits(10, 1000)
    rows = CommitLane(server, limits, lambda *_: None)
    first = ShardLane("first", lambda: disks[0], Encoder(), limits, rows)
    second = ShardLane("second", lambda: disks[1], Encoder(), limits, rows)
    one, other = Twin(make_job(told), 2).jobs()
    second.submit(make_job([]))
    assert disks[1].is_asked.wait(30)
    first.submit(one)
    second.submit(other)
    second.submit(make_job(told))
    first.drain()
    assert not server.batches
    disks[1].goes_on.set()
    second.drain()
    rows.close()
    assert server.batches == [("shard-second", 1), ("shard-second", 2)]
    assert told == [(Cause.ACCOUNT_GONE,)] * 2
