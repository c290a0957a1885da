"""The commit lanes: whose work delays whom."""

import threading
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from mda.delivery.commit_lane import CommitLane
from mda.delivery.job import BatchLimits, Outcomes
from mda.metadata.delivery.deliver import Delivery, Stored
from tests.unit.delivery.test_job import make_job

LIMITS = BatchLimits(copies=10, octets=100_000)


class Gate:
    """A committer that stores nothing until it is opened."""

    def __init__(self) -> None:
        self.opened, self.asked = threading.Event(), threading.Event()
        self.threads: list[threading.Thread] = []
        self.sizes: list[int] = []

    def commit(self, batch: Sequence[Delivery], lock_wait_seconds: float = 0) -> Outcomes:
        self.threads.append(threading.current_thread())
        self.sizes.append(len(batch))
        self.asked.set()
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


def test_who_brings_a_batch_commits_it() -> None:
    gate, told = Gate(), list[Outcomes]()
    gate.opened.set()
    lane = CommitLane(gate, LIMITS, lambda *_: None)
    lane.carry([make_job(told), make_job(told)])
    assert len(told) == 2, "it is done when `carry` returns"
    assert (gate.threads, gate.sizes) == ([threading.current_thread()], [2])
    lane.close()


def test_what_can_not_be_noted_is_committed_all_the_same() -> None:
    def fail(_: object) -> None:
        raise MemoryError

    gate, told = Gate(), list[Outcomes]()
    gate.opened.set()
    lane = CommitLane(gate, LIMITS, fail)
    lane.carry([make_job(told), make_job(told)])
    lane.close()
    assert [type(outcome) for outcomes in told for outcome in outcomes] == [Stored, Stored]


def test_what_comes_while_another_is_at_it_waits_for_the_lane_and_holds_up_nobody() -> None:
    gate, told = Gate(), list[Outcomes]()
    lane = CommitLane(gate, LIMITS, lambda *_: None)
    first = threading.Thread(target=lane.carry, args=([make_job(told)],))
    first.start()
    assert gate.asked.wait(10)
    lane.carry([make_job(told), make_job(told)])
    lane.carry([make_job(told)])
    assert told == []
    gate.opened.set()
    first.join()
    lane.close()
    assert len(told) == 4
    assert gate.threads[0] is first
    assert first not in gate.threads[1:], "the second batch is not the first one's work"
    assert sum(gate.sizes) == 4


def test_what_collects_while_another_is_at_it_is_one_batch() -> None:
    gate, told = Gate(), list[Outcomes]()
    lane = CommitLane(gate, LIMITS, lambda *_: None)
    first = threading.Thread(target=lane.carry, args=([make_job(told)],))
    first.start()
    assert gate.asked.wait(10)
    lane.carry([make_job(told)])
    threading.Event().wait(0.1)  # the lane's thread has it in hand by now
    lane.carry([make_job(told), make_job(told)])
    gate.opened.set()
    first.join()
    lane.close()
    assert gate.sizes == [1, 3]


@pytest.mark.parametrize("_", range(20))
def test_who_is_fast_does_not_overtake_what_waits(_: int) -> None:
    """A shard whose thread comes again at once, beside rows that wait for the lane's own."""
    gate, told = Gate(), list[Outcomes]()
    lane = CommitLane(gate, LIMITS, lambda *_: None)

    def flood() -> None:
        for _ in range(5):
            lane.carry([make_job(told)])

    flooding = threading.Thread(target=flood)
    flooding.start()
    assert gate.asked.wait(10)
    lane.carry([make_job(told)])
    threading.Event().wait(0.02)  # the lane's thread has it in hand by now
    gate.opened.set()
    flooding.join()
    lane.close()
    assert gate.threads[0] is flooding
    assert gate.threads[1] is not flooding
    assert len(told) == 6
