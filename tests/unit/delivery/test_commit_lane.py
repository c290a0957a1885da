"""The commit lanes: whose work delays whom."""

import threading
from collections.abc import Sequence
from dataclasses import replace

from mda.delivery.commit_lane import CommitLane
from mda.delivery.job import BatchLimits, Outcomes
from mda.metadata.delivery.deliver import Delivery, Stored
from tests.unit.delivery.test_job import make_job

LIMITS = BatchLimits(copies=10, octets=100_000)


class Gate:
    """A committer that stores nothing until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def commit(self, batch: Sequence[Delivery], lock_wait_seconds: float = 0) -> Outcomes:
        assert self.opened.wait(30)
        return tuple(Stored(one.account_id, 1, "INBOX", 1, 1, 1, one.content_id, False) for one in batch)

    def close(self) -> None:
        """Nothing to close."""


def test_a_list_delays_nobody_else() -> None:
    fast, slow = Gate(), Gate()
    fast.opened.set()
    busy = CommitLane(slow, LIMITS, lambda *_: None)
    lane = CommitLane(fast, LIMITS, lambda *_: None, busy)
    told: list[Outcomes] = []
    done = threading.Event()
    lane.submit(make_job(told, copies=11))
    lane.submit(make_job([], parsed=200_000))
    last = make_job([])
    lane.submit(replace(last, finish=lambda _: done.set()))
    assert done.wait(10)
    assert told == []
    slow.opened.set()
    lane.close()
    busy.close()
    assert [len(outcomes) for outcomes in told] == [11]
