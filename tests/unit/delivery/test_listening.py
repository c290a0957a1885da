"""A worker's ear: what is remembered is forgotten when the directory changes, and trusted only while it listens."""

import asyncio
import io
import queue
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from mda import address, logs
from mda.causes import Cause
from mda.delivery import listening
from mda.delivery.compose import compose
from mda.delivery.copies import Accepted
from mda.delivery.listening import TRUST_SECONDS, Listening
from mda.delivery.service import DeliveryService
from mda.envelope import Envelope, Peer, Recipient
from mda.errors import DatabaseUnavailable
from mda.metadata.directory import accounts
from mda.metadata.directory.changes import APPLICATION, BRIEF_SECONDS, EVERYTHING, SILENCE, WEIGHTS_CHANNEL, Word
from mda.metadata.schema.words import AccountState
from mda.settings import Log
from tests.unit.delivery.conftest import House, codes, hand_over

ANNA = address.parse("anna@example.org")
RECIPIENT = Recipient(ANNA)
ENVELOPE = Envelope("s@example.net", (RECIPIENT,), Peer(queue_id="q", is_trusted=True))
RAW = b"Subject: x\r\n\r\nHello\r\n"
PATIENCE_SECONDS = 15


async def heard(service: DeliveryService) -> None:
    """Returns when the worker listens."""
    await until(lambda: service._services.lookup._remembered._trusted_until > time.monotonic())


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def in_service(house: House, story: Callable[[DeliveryService], Awaitable[None]]) -> None:
    async def run() -> None:
        async with compose(house.settings) as service:
            await story(service)

    asyncio.run(run())


def test_it_holds_until_the_directory_changes(house: House) -> None:
    async def story(service: DeliveryService) -> None:
        await heard(service)
        found = await service.resolve(RECIPIENT, "")
        await asyncio.sleep(BRIEF_SECONDS + 0.1)
        recalled = service.recall(RECIPIENT, "")
        assert isinstance(found, Accepted)
        assert recalled is not None
        assert recalled.targets is found.targets
        accounts.set_state(house.engine, ANNA, AccountState.DISABLED)
        await until(lambda: service.recall(RECIPIENT, "") is None)
        assert await service.resolve(RECIPIENT, "") is Cause.ACCOUNT_DISABLED

    in_service(house, story)


def test_it_holds_until_the_user_has_other_weights(house: House) -> None:
    async def story(service: DeliveryService) -> None:
        await heard(service)
        await service.resolve(RECIPIENT, "")
        with house.engine.begin() as connection:
            connection.execute(text(f"NOTIFY {WEIGHTS_CHANNEL}, '1'"))  # nobody's
        await asyncio.sleep(0.2)
        assert service.recall(RECIPIENT, "") is not None
        account = accounts.find(house.engine, ANNA)
        with house.engine.begin() as connection:
            connection.execute(text(f"NOTIFY {WEIGHTS_CHANNEL}, '{account.id}'"))
        await until(lambda: service.recall(RECIPIENT, "") is None)

    in_service(house, story)


def test_it_holds_briefly_once_the_connection_is_lost(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "TRUST_SECONDS", 0.5)
    monkeypatch.setattr(listening, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(listening, "AGAIN_SECONDS", 3.0)
    end = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = '{APPLICATION}'"

    async def story(service: DeliveryService) -> None:
        await heard(service)
        await service.resolve(RECIPIENT, "")
        with house.engine.begin() as connection:
            connection.execute(text(f"{end} AND datname = current_database()"))
        await asyncio.sleep(BRIEF_SECONDS + 0.1)
        assert service.recall(RECIPIENT, "") is None
        await heard(service)  # again, by itself

    in_service(house, story)


def test_no_mail_is_refused_by_what_is_remembered(house: House) -> None:
    """At RCPT the size was not known, and the account has been emptied since it was looked up."""
    accounts.set_quota(house.engine, ANNA, quota_bytes=1000)

    def use(octets: int) -> None:
        with house.engine.begin() as connection:
            connection.execute(text(f"UPDATE account_state SET bytes = {octets}"))

    async def story(service: DeliveryService) -> None:
        await heard(service)
        use(990)
        await service.resolve(RECIPIENT, "")
        recalled = service.recall(RECIPIENT, "")
        assert recalled is not None
        assert recalled.is_remembered
        use(0)
        large = RAW + b"x" * 500 + b"\r\n"
        assert service.recall(RECIPIENT, "", len(large)) is None
        assert codes(list(await service.deliver(ENVELOPE, (recalled,), large))) == ["250 2.0.0"]
        use(990)
        recalled = service.recall(RECIPIENT, "")
        assert recalled is not None
        assert codes(list(await service.deliver(ENVELOPE, (recalled,), large + b"2\r\n"))) == ["552 5.2.2"]

    in_service(house, story)


def test_a_refusal_that_cannot_be_asked_about_is_temporary(house: House) -> None:
    accounts.set_quota(house.engine, ANNA, quota_bytes=100)

    async def story(service: DeliveryService) -> None:
        await heard(service)
        await service.resolve(RECIPIENT, "")
        recalled = service.recall(RECIPIENT, "")
        assert recalled is not None
        lookup = service._services.lookup

        def away(addresses: object) -> tuple[Cause, ...]:
            raise DatabaseUnavailable("gone", "wait")

        lookup._directory.resolve = away  # type: ignore[method-assign]
        assert codes(list(await service.deliver(ENVELOPE, (recalled,), RAW * 20))) == ["451 4.3.0"]
        asked = replace(recalled, is_remembered=False)
        assert codes(list(await service.deliver(ENVELOPE, (asked,), RAW * 20))) == ["552 5.2.2"]

    in_service(house, story)


def test_a_full_account_is_asked_about_however_it_is_remembered(house: House) -> None:
    accounts.set_quota(house.engine, ANNA, quota_messages=3)

    async def story(service: DeliveryService) -> None:
        await heard(service)
        answers = []
        for number in range(4):
            recalled = service.recall(RECIPIENT, "")
            if recalled is None:
                answers += await hand_over(service, RAW, str(ANNA), queue_id=str(number))
            else:
                answers += await service.deliver(ENVELOPE, (recalled,), RAW + b"%d\r\n" % number)
        assert codes(answers) == ["250 2.0.0"] * 3 + ["552 5.2.2"]

    in_service(house, story)


def test_who_is_to_be_warned_is_looked_up_again(house: House) -> None:
    """The warning is settled by then: the same rise is not noticed with each message as long as it is remembered."""
    accounts.set_quota(house.engine, ANNA, quota_messages=2, warn_percent=50)

    async def story(service: DeliveryService) -> None:
        await heard(service)
        await hand_over(service, RAW, str(ANNA))
        assert service.recall(RECIPIENT, "") is None

    in_service(house, story)


class Ear:
    """Changes as a test tells them."""

    def __init__(self, is_told: bool = True) -> None:
        self.told: queue.Queue[Word | Exception] = queue.Queue()
        self.is_told = is_told
        self.listened = self.beats = 0
        self.has_ended = False

    def listen(self) -> bool:
        self.listened += 1
        return self.is_told

    def wait(self, seconds: float) -> Word:
        try:
            said = self.told.get(timeout=seconds)
        except queue.Empty:
            return SILENCE
        if isinstance(said, Exception):
            raise said
        return said

    def beat(self) -> Word:
        self.beats += 1
        return SILENCE

    def wake(self) -> None:
        self.told.put(SILENCE)

    def end(self) -> None:
        self.has_ended = True


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    logs.configure(Log(), said := io.StringIO())
    yield said
    logs.configure(Log())


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_silent_server_is_asked_and_each_answer_vouches_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "BEAT_SECONDS", 0.05)
    ear = Ear()
    trusted: list[float] = []
    changes: list[Word] = []
    began = time.monotonic()
    ours = Listening(ear, changes.append, trusted.append)
    wait_for(lambda: ear.beats >= 2 and len(trusted) >= 3)
    ours.close()
    assert ear.has_ended
    assert changes == [EVERYTHING], "what may have changed before it listened"
    assert trusted == sorted(trusted)
    assert began + TRUST_SECONDS <= trusted[0] <= time.monotonic() + TRUST_SECONDS


def test_changes_that_come_without_end_do_not_keep_it_from_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "BEAT_SECONDS", 0.02)
    ear = Ear()
    for _ in range(5_000):
        ear.told.put(EVERYTHING)
    ours = Listening(ear, lambda word: time.sleep(0.001), lambda until: None)
    wait_for(lambda: ear.beats >= 2)
    assert ear.told.qsize() > 0
    ours.close()


def test_trouble_is_said_once_and_tried_again(monkeypatch: pytest.MonkeyPatch, log: io.StringIO) -> None:
    monkeypatch.setattr(listening, "AGAIN_SECONDS", 0.02)
    ear = Ear()
    for _ in range(3):
        ear.told.put(DatabaseUnavailable("gone", "wait"))
    ours = Listening(ear, lambda word: None, lambda until: None)
    wait_for(lambda: ear.listened >= 4)
    ours.close()
    assert log.getvalue().count("changes_not_heard") == 3, "each time anew, as it was well between"


def test_a_database_without_triggers_is_not_trusted(monkeypatch: pytest.MonkeyPatch, log: io.StringIO) -> None:
    monkeypatch.setattr(listening, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(listening, "AGAIN_SECONDS", 0.02)
    ear = Ear(is_told=False)
    trusted: list[float] = []
    ours = Listening(ear, lambda word: None, trusted.append)
    wait_for(lambda: ear.listened >= 3)
    ours.close()
    assert trusted == []
    assert log.getvalue().count("changes_not_heard") == 1
    assert "mda db upgrade" in log.getvalue()
