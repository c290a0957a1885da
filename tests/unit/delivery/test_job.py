"""A lane's batch: cut by the copies it makes, without the jobs that nobody waits for any more."""

import queue
import time
from datetime import UTC, datetime

from mda.causes import Cause
from mda.delivery.job import BatchLimits, Job, Outcomes, in_time, take
from tests.unit.metadata.deliveries import make_delivery

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LIMITS = BatchLimits(copies=100, octets=1000)


def make_job(told: list[Outcomes], copies: int = 1, seconds: float = 60.0, octets: int = 1, parsed: int = 0) -> Job:
    deliveries = tuple(make_delivery(number, envelope=b"e" * parsed) for number in range(copies))
    return Job(1, b"x" * octets, "", NOW, deliveries, time.monotonic() + seconds, told.append)


def sizes(jobs: "queue.Queue[Job | None]") -> list[int]:
    found = []
    while not jobs.empty():
        found.append(len(take(jobs, LIMITS) or ()))
    return found


def test_every_copy_of_a_list_counts() -> None:
    jobs: queue.Queue[Job | None] = queue.Queue()
    for copies in (60, 60, 1, 500, 1, 1):
        jobs.put(make_job([], copies))
    assert sizes(jobs) == [2, 2, 2]


def test_octets_count() -> None:
    jobs: queue.Queue[Job | None] = queue.Queue()
    for octets in (999, 5000, 1000, 1, 1):
        jobs.put(make_job([], octets=octets))
    assert sizes(jobs) == [2, 1, 2]


def test_nobody_works_for_who_has_gone() -> None:
    told: list[Outcomes] = []
    late, early = make_job(told, copies=2, seconds=-0.001), make_job(told)
    assert in_time((late, early)) == (early,)
    assert told == [(Cause.DEADLINE_PASSED, Cause.DEADLINE_PASSED)]
