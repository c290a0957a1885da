"""A message on its way to two shards: it goes on once, when both have it, and fails once, when either can't."""

import pytest
from msgspec.structs import replace

from mda.causes import Cause
from mda.delivery.job import Job, Outcomes
from mda.delivery.twin import Twin
from mda.metadata.delivery.delivery_row import Replica
from mda.storage.encode import EncodedRecord
from mda.storage.location import Location
from tests.unit.delivery.test_job import make_job

RECORD = EncodedRecord(b"head", b"body", b"d" * 32)
FIRST, SECOND = Location(7, 100, 8), Location(9, 200, 9)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_goes_on_when_both_are_durable(order: tuple[int, int]) -> None:
    told: list[Outcomes] = []
    gone_on: list[Job] = []
    job = make_job(told, copies=2)
    jobs = Twin(job, 2).jobs()
    assert [one.shard_id for one in jobs] == [1, 2]
    for place in order:
        assert not gone_on
        twin = jobs[place].twin
        assert twin
        twin.written(jobs[place].shard_id, RECORD, (FIRST, SECOND)[place], gone_on.append)
    (went,) = gone_on
    assert went.twin is None
    assert {(one.segment, one.offset, one.length, one.digest) for one in went.deliveries} == {(7, 100, 8, b"d" * 32)}
    assert {one.replica for one in went.deliveries} == {Replica(2, 9, 200, 9)}
    went.fail(Cause.DATABASE_UNAVAILABLE)
    assert told == [(Cause.DATABASE_UNAVAILABLE,) * 2]


@pytest.mark.parametrize("failing", [0, 1])
def test_fails_once_whatever_the_other_does(failing: int) -> None:
    told: list[Outcomes] = []
    gone_on: list[Job] = []
    jobs = Twin(make_job(told), 2).jobs()
    jobs[failing].fail(Cause.STORAGE_FULL)
    other = jobs[1 - failing]
    assert other.twin
    other.twin.written(other.shard_id, RECORD, FIRST, gone_on.append)
    replace(other).fail(Cause.STORAGE_UNAVAILABLE)
    assert told == [(Cause.STORAGE_FULL,)]
    assert not gone_on
