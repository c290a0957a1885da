"""The pace of upkeep, by a clock of the test's own."""

import pytest

from mda.maintenance.pace import MOST_REST_SECONDS, Pace


class Machine:
    """A clock that only steps and rests move."""

    def __init__(self) -> None:
        self.now = self.worked = 0.0
        self.rests: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds

    def step(self, worked: float, waited: float = 0.0) -> None:
        self.worked += worked
        self.now += worked + waited


@pytest.fixture
def machine() -> Machine:
    return Machine()


def pace(machine: Machine, rate: int) -> Pace:
    return Pace(rate, lambda: machine.now, machine.sleep, lambda: machine.worked)


def test_rate_is_kept_over_many_steps(machine: Machine) -> None:
    upkeep = pace(machine, 1000)
    for _ in range(100):
        machine.step(worked=0.01)
        upkeep.spend(100)
    assert machine.now == pytest.approx(10, rel=0.05)


def test_what_was_not_used_does_not_add_up(machine: Machine) -> None:
    upkeep = pace(machine, 1000)
    machine.step(worked=100)
    upkeep.spend(1000)
    assert machine.rests == [pytest.approx(0.75)]


def test_steps_that_wait_are_followed_by_rests_of_that_length(machine: Machine) -> None:
    upkeep = pace(machine, 10**9)
    for _ in range(3):
        machine.step(worked=0.1)
        upkeep.spend(1)
    assert machine.rests == [], "an idle machine"
    for _ in range(3):
        machine.step(worked=0.1, waited=0.3)
        upkeep.spend(1)
    assert machine.rests == pytest.approx([0.3] * 3)
    for _ in range(4):
        machine.step(worked=0.1, waited=0.003)
        upkeep.spend(1)
    assert machine.rests[3:] == pytest.approx([0.012]), "short rests are put together"
    machine.step(worked=0, waited=60)
    upkeep.spend(1)
    assert machine.rests[-1] == MOST_REST_SECONDS


def test_what_lies_before_a_resumption_is_no_waiting(machine: Machine) -> None:
    upkeep = pace(machine, 10**9)
    machine.sleep(1)
    machine.rests.clear()
    upkeep.resume()
    machine.step(worked=0.1, waited=0.2)
    upkeep.spend(1)
    assert machine.rests == pytest.approx([0.2])
