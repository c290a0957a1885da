"""A lane's queue: batches cut by the copies they make and by octets; full, closed, and emptied behind its end."""

import math
import threading

from mda.delivery.job import BatchLimits
from mda.delivery.lane_queue import LaneQueue
from tests.unit.delivery.test_job import make_job

LIMITS = BatchLimits(copies=100, octets=1000)
FOR_EVER = math.inf
"""No queue takes it: OverflowError where something is waited for."""


def sizes(jobs: LaneQueue) -> list[int]:
    """Of the batches until the end."""
    jobs.close()
    found = []
    while (batch := jobs.take(LIMITS)) is not None:
        found.append(len(batch))
    return found


def test_every_copy_of_a_list_counts() -> None:
    jobs = LaneQueue()
    for copies in (60, 60, 1, 500, 1, 1):
        jobs.put(make_job([], copies))
    assert sizes(jobs) == [2, 2, 2]


def test_octets_count() -> None:
    jobs = LaneQueue()
    for octets in (999, 5000, 1000, 1, 1):
        jobs.put(make_job([], octets=octets))
    assert sizes(jobs) == [2, 1, 2]


def test_without_a_job_there_is_an_empty_batch() -> None:
    assert LaneQueue().take(LIMITS) == ()


def test_a_batch_is_gathered_up_to_its_company() -> None:
    jobs = LaneQueue()
    first, *others = [make_job([]) for _ in range(5)]
    jobs.put(others[0])
    bringing = threading.Timer(0.05, lambda: list(map(jobs.put, others[1:])))
    bringing.start()
    assert jobs.gather((first,), 5, 30.0, LIMITS) == (first, *others)
    bringing.join()


def test_who_does_not_come_is_waited_for_no_longer() -> None:
    jobs, first, second = LaneQueue(), make_job([]), make_job([])
    assert jobs.gather((first,), 2, 0.01, LIMITS) == (first,)
    jobs.put(second)
    assert jobs.gather((first,), 2, 30.0, LIMITS) == (first, second), "what came before is company too"


def test_nobody_waits_without_company_for_none_and_beyond_the_limit() -> None:
    jobs, first = LaneQueue(), make_job([])
    assert jobs.gather((), 5, FOR_EVER, LIMITS) == ()
    assert jobs.gather((first,), 1, FOR_EVER, LIMITS) == (first,)
    assert jobs.gather((first,), 5, FOR_EVER, BatchLimits(1, 1000)) == (first,)
    assert jobs.gather((first,), 5, FOR_EVER, BatchLimits(100, 1)) == (first,)


def test_full_it_refuses_or_blocks() -> None:
    jobs, first, second = LaneQueue(depth=1), make_job([]), make_job([])
    assert jobs.offer(first)
    assert not jobs.offer(second)
    waiting = threading.Thread(target=jobs.put, args=(second,))
    waiting.start()
    assert jobs.take(LIMITS) == (first,)
    assert jobs.take(LIMITS) == (second,)
    waiting.join()


def test_what_comes_behind_the_end_is_left_over() -> None:
    jobs, late = LaneQueue(), make_job([])
    jobs.close()
    jobs.put(late)
    assert jobs.take(LIMITS) is None
    assert list(jobs.rest()) == [late]
