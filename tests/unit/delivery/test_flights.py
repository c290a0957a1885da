"""Messages under way: answered once, by an outcome or the deadline, and their places given back once."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from mda import address
from mda.causes import Cause, Reply
from mda.delivery.copies import Copy, Message
from mda.delivery.flight import Flight
from mda.delivery.flights import Flights, Over
from mda.delivery.gathered import Gathered
from mda.delivery.inspect import inspect
from mda.delivery.plan import unjudged
from mda.delivery.shard_lanes import ShardLanes
from mda.delivery.shares import AccountShares
from mda.envelope import Envelope, Recipient
from mda.metadata.delivery.deliver import Stored
from mda.metadata.directory.resolve import Target
from tests.unit.delivery.conftest import until

RECIPIENT = Recipient(address.parse("anna@example.org"))
ENVELOPE = Envelope("s@example.net", (RECIPIENT,))
MESSAGE = Message(ENVELOPE, b"\r\n", inspect(b"\r\n", None), None, datetime.now(UTC))
ANNA = 1

Answers = list[tuple[Reply, ...]]


def target(shard_id: int = 1) -> Target:
    return Target(ANNA, "anna@example.org", shard_id, True, None, None, 0, 0, "", None, None)


def copy(number: int = 0, shard_id: int = 1, decision: Cause | None = None) -> Copy:
    placement = unjudged(target(shard_id), RECIPIENT, ENVELOPE, MESSAGE.inspection)
    return Copy(number, RECIPIENT, target(shard_id), decision or placement, number + 1)


def stored(content_id: int = 1) -> Stored:
    return Stored(ANNA, 1, "INBOX", content_id, 1, 1, content_id, False)


class Sky:
    """Flights without lanes: the tests are these."""

    def __init__(self) -> None:
        self.booked: list[Flight] = []
        self.over = Over(asyncio.get_running_loop())
        self.shares = AccountShares(1_000_000)
        lanes = ShardLanes(list, lambda _shard: pytest.fail("no lane is opened"), ThreadPoolExecutor(1))
        self.flights = Flights(self.over, lanes, self.shares, self.booked.extend)

    def begin(self, answers: Answers, seconds: float = 60, copies: Sequence[Copy] = ()) -> Flight:
        assert self.shares.take_now(ANNA)
        now = time.monotonic()
        flight = Flight(MESSAGE, copies or (copy(),), {ANNA}, now, now + seconds, answers.append)
        self.flights.add(flight)
        return flight

    @property
    def taken(self) -> int:
        """Places in the lanes."""
        return self.shares._taken.get(ANNA, 0)


def story(tell: Callable[[Sky], Any]) -> Any:
    async def run() -> Any:
        return await tell(Sky())

    return asyncio.run(run())


def test_an_outcome_is_answered_by_the_thread_that_has_it_and_booked_by_the_loop() -> None:
    async def tell(sky: Sky) -> None:
        answers: Answers = []
        flight = sky.begin(answers)
        await asyncio.to_thread(sky.flights.tell, flight, [0], (stored(),))
        assert [[str(reply) for reply in one] for one in answers] == [
            ["250 2.0.0 Saved id=0000000000000001 uid=1 shard=1"]
        ]
        assert (sky.taken, sky.booked, len(sky.flights)) == (1, [], 1)
        sky.over.wake()
        await asyncio.sleep(0)
        assert (sky.taken, sky.booked, len(sky.flights)) == (0, [flight], 0)
        assert flight.outcomes == (stored(),)

    story(tell)


def test_answers_go_at_the_end_of_a_batch_before_the_books() -> None:
    async def tell(sky: Sky) -> None:
        answers: Answers = []
        seen: list[tuple[int, int]] = []
        sky.flights.follow(lambda: seen.append((len(answers), len(sky.booked))))
        for flight in [sky.begin(answers, 2) for _ in range(3)]:
            sky.flights.tell(flight, [0], (stored(),))
        assert seen == []
        sky.over.end_batch()
        await asyncio.sleep(0)
        assert seen == [(3, 0)]
        assert len(sky.booked) == 3
        late = sky.begin(answers, 2)
        await until(lambda: late in sky.booked)
        assert seen == [(3, 0), (4, 3)]

    story(tell)


def test_a_message_on_two_shards_is_answered_when_both_are_known() -> None:
    async def tell(sky: Sky) -> None:
        answers: Answers = []
        flight = sky.begin(answers, copies=(copy(0, 1), copy(1, 2), copy(2, 1, Cause.MAILBOX_FULL), copy(3, 2)))
        assert [place for place, _ in flight.pending()] == [0, 1, 3]
        assert not sky.flights.tell(flight, [1, 3], (stored(2), stored(4)))
        assert answers == []
        assert sky.flights.tell(flight, [0], (Cause.STORAGE_FULL,))
        assert [[reply.code for reply in one] for one in answers] == [[452, 250, 552, 250]]

    story(tell)


def test_what_is_late_is_answered_and_its_outcome_is_too_late() -> None:
    async def tell(sky: Sky) -> None:
        answers: Answers = []
        first, second = sky.begin(answers, 0.05, (copy(0, 1), copy(1, 2))), sky.begin(answers, 60)
        sky.flights.tell(first, [1], (stored(),))
        await until(lambda: len(sky.booked) > 0)
        assert [[reply.code for reply in one] for one in answers] == [[451, 250]]
        assert not sky.flights.tell(first, [0], (stored(),))
        sky.flights.catch_up()
        assert (len(answers), sky.taken, len(sky.flights)) == (1, 1, 1)
        assert not second.is_over

    story(tell)


def test_the_alarm_is_for_the_oldest_and_set_again() -> None:
    async def tell(sky: Sky) -> None:
        answers: Answers = []
        for _ in range(3):
            sky.begin(answers, 0.1)
            await asyncio.sleep(0.06)
        await until(lambda: len(answers) == 3)
        assert [one[0] for one in answers] == [Cause.DEADLINE_PASSED.reply] * 3
        assert sky.taken == 0

    story(tell)


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless")
def test_outcome_and_deadline_at_the_same_moment_are_one_answer() -> None:
    async def tell(sky: Sky) -> None:
        count = 2000
        answers: list[Answers] = [[] for _ in range(count)]
        flights = [sky.begin(one, 0.05 + 0.0001 * number) for number, one in enumerate(answers)]

        def lane(share: Sequence[Flight]) -> None:
            for flight in share:
                time.sleep(max(0.0, flight.deadline - time.monotonic()))
                sky.flights.tell(flight, [0], (stored(),))
                sky.over.wake()

        threads = [threading.Thread(target=lane, args=(flights,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        await until(lambda: len(sky.booked) == count and not any(thread.is_alive() for thread in threads))
        assert [len(one) for one in answers] == [1] * count
        assert (sky.taken, len(sky.flights), len(sky.booked)) == (0, 0, count)

    story(tell)


def test_an_answer_that_is_not_taken_is_not_given_again_and_concerns_nobody_else() -> None:
    async def tell(sky: Sky) -> None:
        answers: Answers = []
        flight = sky.begin(answers)

        def refuse(said: tuple[Reply, ...]) -> None:
            answers.append(said)
            raise MemoryError

        flight.answer = refuse
        assert sky.flights.tell(flight, [0], (stored(),))
        assert not sky.flights.tell(flight, [0], (Cause.INTERNAL_ERROR,))
        sky.flights.catch_up()
        assert (len(answers), sky.taken) == (1, 0)

    story(tell)


def test_replies_that_can_not_be_made_are_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    async def tell(sky: Sky) -> None:
        answers: Answers = []
        flight = sky.begin(answers, copies=(copy(0), copy(1)))
        monkeypatch.setattr("mda.delivery.replies.for_recipients", fail)
        sky.flights.tell(flight, [0, 1], (stored(1), stored(2)))
        assert answers == [(Cause.INTERNAL_ERROR.reply,) * 2]

    story(tell)


def test_what_was_lost_on_its_way_to_the_books_is_found_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: object, _item: object) -> None:
        raise MemoryError

    async def tell(sky: Sky) -> None:
        answers: Answers = []
        flight = sky.begin(answers, 0.1)
        with monkeypatch.context() as patches:
            patches.setattr(Gathered, "put", fail)
            with pytest.raises(MemoryError):
                sky.flights.tell(flight, [0], (stored(),))
        assert [one[0].code for one in answers] == [250]
        await until(lambda: not sky.taken)
        assert (len(answers), sky.booked) == (1, [flight])

    story(tell)


def test_a_flight_that_was_not_added_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    async def tell(sky: Sky) -> None:
        with monkeypatch.context() as patches:
            patches.setattr(asyncio.get_running_loop(), "call_later", fail)
            with pytest.raises(MemoryError):
                sky.begin([])
        assert len(sky.flights) == 0
        answers: Answers = []
        sky.begin(answers, 0.01)
        await until(lambda: len(answers) > 0)

    story(tell)
