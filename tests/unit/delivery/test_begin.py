"""Deliveries that are begun without a wait, over a real PostgreSQL and a real shard: answered once, whatever fails."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from mda import address
from mda.antispam.classifier import base_model_path
from mda.binding import Found, Model
from mda.causes import Cause, Reply
from mda.delivery import service as service_module
from mda.delivery import store as store_module
from mda.delivery.compose import compose
from mda.delivery.copies import Accepted
from mda.delivery.flights import Flights
from mda.delivery.service import INLINE_OCTETS, DeliveryService
from mda.delivery.shard_lane import ShardLane
from mda.delivery.shares import AccountShares
from mda.envelope import Envelope, Peer, Recipient
from mda.metadata.directory import aliases
from mda.metadata.schema.tables import account_state
from mda.settings import Delivery as DeliverySettings
from mda.settings import Settings
from tests.unit.delivery.conftest import House, hand_over, until
from tests.unit.delivery.test_service import MANY_WORDS, RAW, _campaign_counts
from tests.unit.found import found_of

ANNA, BEN = "anna@example.org", "ben@example.org"
SENDER = "s@example.net"

Said = tuple[tuple[str, ...], ...]
"""The answers that came, each with the codes of its replies."""


def mail(number: int) -> bytes:
    return RAW.replace(b"4ABC", b"4%04d" % number)


class Sender:
    """Begins deliveries and notes what is answered, and in which thread."""

    def __init__(self, service: DeliveryService) -> None:
        self.service = service
        self.answers: list[tuple[Reply, ...]] = []
        self.threads: list[str] = []

    async def accepted(self, *recipients: str) -> tuple[Accepted, ...]:
        found = [await self.service.resolve(Recipient(address.parse(one)), SENDER) for one in recipients]
        return tuple(one for one in found if isinstance(one, Accepted))

    def begin(self, raw: bytes, accepted: tuple[Accepted, ...], found: Found | None = None) -> bool:
        peer = Peer(queue_id="4ABC", is_trusted=True)
        return self.service.begin(
            Envelope(SENDER, tuple(one.recipient for one in accepted), peer), accepted, raw, self.take, found
        )

    def take(self, said: tuple[Reply, ...]) -> None:
        self.threads.append(threading.current_thread().name)
        self.answers.append(said)

    async def said(self, count: int = 1) -> Said:
        """So many answers, and no more that come soon."""
        await until(lambda: len(self.answers) >= count)
        await asyncio.sleep(0.05)
        return tuple(tuple(f"{one.code} {one.enhanced}" for one in said) for said in self.answers)


def with_sender(house: House, story: Callable[[Sender], Awaitable[Any]], deadline_seconds: int = 60) -> Any:
    """Runs the story in a composed service whose lane is open, where an account has one place."""
    chosen = DeliverySettings(account_in_flight=1, deadline_seconds=deadline_seconds)
    settings = Settings(data_dir=house.settings.data_dir, database=house.settings.database, delivery=chosen)

    async def run() -> Any:
        async with compose(settings) as service:
            await hand_over(service, mail(9000), BEN)
            return await asyncio.wait_for(story(Sender(service)), 60)

    return asyncio.run(run())


async def _goes_on(sender: Sender) -> bool:
    """Whether anna's and ben's places are free again: mail to both can be begun, and is stored."""
    before = len(sender.answers)
    if not sender.begin(mail(8000), await sender.accepted(ANNA, BEN)):
        return False
    return (await sender.said(before + 1))[before] == ("250 2.0.0", "250 2.0.0")


def test_a_message_is_stored_and_answered_by_the_lane(house: House) -> None:
    async def story(sender: Sender) -> None:
        assert sender.begin(RAW, await sender.accepted(ANNA))
        assert await sender.said() == (("250 2.0.0",),)
        assert sender.threads == ["shard-s1"]
        assert await _goes_on(sender)

    with_sender(house, story)
    assert house.rows("anna")[0].stored == RAW


def test_recipients_have_answers_of_their_own(house: House) -> None:
    house.add_account("full", quota_messages=0)
    aliases.add(
        house.engine,
        address.parse("team@example.org"),
        [address.parse(f"{one}@example.org") for one in ("full", "anna")],
    )

    async def story(sender: Sender) -> None:
        accepted = await sender.accepted("team@example.org", BEN)
        full = tuple(one for one in accepted[0].targets if one.address == "full@example.org")
        assert sender.begin(RAW, (Accepted(accepted[0].recipient, full), *accepted))
        assert await sender.said() == (("552 5.2.2", "250 2.0.0", "250 2.0.0"),)

    with_sender(house, story)
    assert [len(house.rows(name)) for name in ("anna", "full")] == [1, 0]


def test_a_message_that_nobody_takes_is_answered_at_once(house: House) -> None:
    house.add_account("full", quota_messages=1)

    async def story(sender: Sender) -> None:
        accepted = await sender.accepted("full@example.org")
        accepted[0].targets[0].used_messages = 1
        gone: list[int] = []
        sender.service.on_answers(lambda: gone.append(len(sender.answers)))
        assert sender.begin(RAW, accepted)
        assert gone == [1]
        assert await sender.said() == (("552 5.2.2",),)
        assert await _goes_on(sender)

    with_sender(house, story)


def test_what_has_to_be_waited_for_is_not_begun(house: House) -> None:
    async def story(sender: Sender) -> None:
        anna, both = await sender.accepted(ANNA), await sender.accepted(BEN, ANNA)
        assert not sender.begin(RAW + b"x" * INLINE_OCTETS, anna)
        elsewhere = Accepted(anna[0].recipient, (replace(anna[0].targets[0], shard_id=4711),))
        assert not sender.begin(RAW, (elsewhere,))
        with house.engine.begin() as holder:
            holder.execute(select(account_state).with_for_update())
            assert sender.begin(RAW, anna)
            assert not sender.begin(mail(1), anna)
            assert not sender.begin(mail(1), both)
        assert await sender.said() == (("250 2.0.0",),)
        assert await _goes_on(sender)

    with_sender(house, story)


def test_what_is_only_remembered_refuses_nothing(house: House) -> None:
    raw = RAW + MANY_WORDS

    async def story(sender: Sender) -> None:
        (anna,) = await sender.accepted(ANNA)
        remembered = Accepted(anna.recipient, anna.targets, is_remembered=True)
        anna.targets[0].quota_messages = 0
        assert not sender.begin(raw, (remembered,))
        fresh = await sender.accepted(ANNA)
        assert sender.begin(raw, fresh)
        assert await sender.said() == (("250 2.0.0",),)
        assert await _goes_on(sender)

    with_sender(house, story)
    assert 1 in _campaign_counts(house)
    assert 2 not in _campaign_counts(house)


def test_what_has_been_read_before_is_read_and_counted_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `begin`, and by `deliver` behind a `begin` that had to ask again."""

    async def story(sender: Sender) -> None:
        monkeypatch.setattr("mda.mime.brief.read", _fail)
        reader, fresh = sender.service.reader(), await sender.accepted(ANNA)
        first, second = (RAW.replace(b"4ABC", b"4%d" % number) + MANY_WORDS for number in range(2))
        assert sender.begin(first, fresh, found_of(reader, first))
        assert await sender.said() == (("250 2.0.0",),)
        remembered = (Accepted(fresh[0].recipient, fresh[0].targets, is_remembered=True),)
        fresh[0].targets[0].quota_messages = 0
        found = found_of(reader, second)
        assert not sender.begin(second, remembered, found)
        (said,) = await sender.service.deliver(Envelope(SENDER, (fresh[0].recipient,)), remembered, second, found)
        assert said.code == 250

    with_sender(house, story)
    assert _campaign_counts(house) == [1, 2]
    assert [row.stored[-10:] for row in house.rows("anna")] == [MANY_WORDS[-10:]] * 2


def test_the_reader_is_the_same_until_the_model_changes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(sender: Sender) -> None:
        service, model = sender.service, Model(base_model_path())
        before = service.reader()
        assert service.reader() is before
        monkeypatch.setattr(service._services.classifier, "_model", model)
        assert service.reader().model is model

    with_sender(house, story)


def test_the_deadline_answers_and_the_outcome_comes_too_late(house: House) -> None:
    async def story(sender: Sender) -> None:
        anna = await sender.accepted(ANNA)
        with house.engine.begin() as holder:
            holder.execute(select(account_state).with_for_update())
            assert sender.begin(RAW, anna)
            assert (await sender.said())[0][0][:3] == "451"  # a moment before, the lane may say so: busy
        assert await _goes_on(sender)
        assert sender.begin(RAW, anna)
        assert (await sender.said(3))[2] == ("250 2.0.0",)

    with_sender(house, story, deadline_seconds=3)
    assert len([row for row in house.rows("anna") if row.stored == RAW]) == 1


def test_where_even_the_answer_to_a_failure_fails_the_deadline_answers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(sender: Sender) -> None:
        anna = await sender.accepted(ANNA)
        with monkeypatch.context() as patches:
            patches.setattr(ShardLane, "submit", _fail)
            patches.setattr(Flights, "tell", _fail)
            assert sender.begin(RAW, anna)
        assert await sender.said() == (("451 4.3.0",),)
        assert await _goes_on(sender)

    with_sender(house, story, deadline_seconds=2)


def test_a_lane_that_refuses_is_an_answer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(sender: Sender) -> None:
        anna = await sender.accepted(ANNA)
        with monkeypatch.context() as patches:
            patches.setattr(ShardLane, "submit", lambda _, job: job.fail(Cause.STORAGE_UNAVAILABLE))
            assert sender.begin(RAW, anna)
        assert await sender.said() == (("451 4.3.0",),)
        assert await _goes_on(sender)

    with_sender(house, story)


def _fail(*_: object, **__: object) -> Any:
    raise MemoryError


@pytest.mark.parametrize(
    ("whose", "what"),
    [
        (service_module, "inspect"),
        (service_module, "plan_copies"),
        (store_module, "delivery_row"),
        (store_module, "Flight"),
        (store_module, "Job"),
        (Flights, "add"),
        (AccountShares, "take_now"),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_what_fails_before_the_lane_has_begun_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, whose: object, what: str
) -> None:
    async def story(sender: Sender) -> None:
        accepted = await sender.accepted(ANNA, BEN)
        with monkeypatch.context() as patches:
            patches.setattr(whose, what, _fail)
            with pytest.raises(MemoryError):
                sender.begin(RAW, accepted)
        assert await sender.said(0) == ()
        assert await _goes_on(sender)

    with_sender(house, story)


def test_a_lane_that_can_not_be_reached_is_one_temporary_answer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = ShardLane.submit

    async def story(sender: Sender) -> None:
        accepted = await sender.accepted(ANNA, BEN)
        for number, fails in enumerate((_fail, lambda lane, job: (submit(lane, job), _fail()))):
            with monkeypatch.context() as patches:
                patches.setattr(ShardLane, "submit", fails)
                assert sender.begin(mail(number), accepted)
            assert (await sender.said(number + 1))[number] == ("451 4.3.0",) * 2
        assert await _goes_on(sender)

    with_sender(house, story)


def test_a_mail_whose_answer_is_not_taken_is_stored_and_its_neighbours_are_answered(house: House) -> None:
    async def story(sender: Sender) -> None:
        anna, ben = await sender.accepted(ANNA), await sender.accepted(BEN)
        assert sender.service.begin(Envelope(SENDER, (anna[0].recipient,)), anna, RAW, _fail)
        assert sender.begin(mail(1), ben)
        assert await sender.said() == (("250 2.0.0",),)
        assert await _goes_on(sender)

    with_sender(house, story)
    assert house.rows("anna")[0].stored == RAW


def test_who_has_its_answer_finds_its_place_free(house: House) -> None:
    """Before the event loop has been woken for the books."""

    async def story(sender: Sender) -> None:
        anna = await sender.accepted(ANNA)
        for number in range(3):
            assert sender.begin(mail(number), anna)
            while len(sender.answers) == number:  # and the loop does not turn
                threading.Event().wait(0.01)
        assert await sender.said(3) == (("250 2.0.0",),) * 3

    with_sender(house, story)


def test_who_has_its_answer_finds_its_quota_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the event loop has been woken for the books."""
    house.add_account("one", quota_messages=1)

    async def story(sender: Sender) -> None:
        accepted = await sender.accepted("one@example.org")
        recalled = sender.service.recall(accepted[0].recipient, SENDER)
        assert recalled is not None
        assert sender.begin(RAW, accepted)
        while not sender.answers:  # and the loop does not turn
            threading.Event().wait(0.01)
        assert sender.service.recall(accepted[0].recipient, SENDER) is None
        assert (await sender.said()) == (("250 2.0.0",),)

    with_sender(house, story)
