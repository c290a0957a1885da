"""Of a batch, the jobs that somebody still waits for."""

import time
from datetime import UTC, datetime

from mda.causes import Cause
from mda.delivery.job import Job, Outcomes, in_time
from tests.unit.metadata.deliveries import make_delivery

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def make_job(told: list[Outcomes], copies: int = 1, seconds: float = 60.0, octets: int = 1, parsed: int = 0) -> Job:
    deliveries = tuple(make_delivery(number, envelope=b"e" * parsed) for number in range(copies))
    return Job(1, b"x" * octets, "", NOW, deliveries, time.monotonic() + seconds, told.append)


def test_nobody_works_for_who_has_gone() -> None:
    told: list[Outcomes] = []
    late, early = make_job(told, copies=2, seconds=-0.001), make_job(told)
    assert in_time((late, early)) == (early,)
    assert told == [(Cause.DEADLINE_PASSED, Cause.DEADLINE_PASSED)]
