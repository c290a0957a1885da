"""Whole deliveries over a real PostgreSQL and a real shard: who gets what, and what is answered."""

import asyncio
import hashlib
import io
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select, text

from mda import address, logs
from mda.causes import Cause, Reply
from mda.delivery import books, housekeeping, shard_lanes
from mda.delivery import compose as composition
from mda.delivery.compose import compose
from mda.delivery.copies import Accepted
from mda.delivery.service import DeliveryService
from mda.delivery.shard_lane import ShardLane
from mda.delivery.shares import AccountShares
from mda.envelope import Envelope, Recipient
from mda.metadata.content.facts import of_row
from mda.metadata.directory import accounts, aliases
from mda.metadata.directory.purge import purge
from mda.metadata.postgresql.engine import make_engine
from mda.metadata.schema.tables import account_state, content, receipt
from mda.metadata.schema.words import AccountState
from mda.settings import Delivery as DeliverySettings
from mda.settings import Log, Settings, Workers
from tests.crash.processes import wait_until
from tests.unit.delivery.conftest import House, codes, hand_over

STAMP = b"Received: from c by mx.example.org (Postfix) with ESMTP id 4ABC; Mon, 2 Nov 2026 10:00:00 +0000\r\n"
RAW = STAMP + b"From: a@example.net\r\nTo: anna@example.org\r\nSubject: Lunch\r\n\r\nAt noon?\r\n"

Answers = list[Reply | Cause]


def with_service(house: House, story: Callable[[DeliveryService], Awaitable[Answers]]) -> list[str]:
    """Runs the story in a composed service, to its orderly end; the codes of its answers."""

    async def run() -> Answers:
        async with compose(house.settings) as service:
            return await story(service)

    return codes(asyncio.run(run()))


def test_a_message_is_stored_byte_for_byte(house: House) -> None:
    answers = with_service(house, lambda service: hand_over(service, RAW, "anna@example.org"))
    assert answers == ["250 2.0.0"]
    (row,) = house.rows("anna")
    assert (row.mailbox, row.uid, row.stored) == ("INBOX", 1, RAW)
    assert row.prefix.startswith(b"Return-Path: <s@example.net>\r\nDelivered-To: anna@example.org\r\n")
    with house.engine.connect() as connection:
        (digest,) = connection.execute(select(content.c.digest)).scalars()
    assert bytes(digest) == hashlib.sha256(RAW).digest()


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"\x00\xff\n\r\r\n", b"Subject: x", b"a" * 300_000 + b"\r\n"])
def test_any_bytes_are_mail(house: House, raw: bytes) -> None:
    assert with_service(house, lambda service: hand_over(service, raw, "anna@example.org")) == ["250 2.0.0"]
    assert [row.stored for row in house.rows("anna")] == [raw]


def test_recipients_have_answers_of_their_own(house: House) -> None:
    house.add_account("full", quota_bytes=10)
    answers = with_service(
        house,
        lambda service: hand_over(
            service,
            RAW,
            "anna@example.org",
            "nobody@example.org",
            "full@example.org",
            "BEN@Example.ORG",
            "x@other.test",
        ),
    )
    assert answers == ["250 2.0.0", "550 5.1.1", "552 5.2.2", "250 2.0.0", "451 4.3.5"]
    assert [len(house.rows(name)) for name in ("anna", "ben", "full")] == [1, 1, 0]


def test_one_record_serves_all_accounts_of_a_shard(house: House) -> None:
    with_service(house, lambda service: hand_over(service, RAW, "anna@example.org", "ben@example.org"))
    with house.engine.connect() as connection:
        places = set(connection.execute(text('SELECT segment, "offset" FROM content')).all())
    assert len(places) == 1


def test_an_alias_to_several_accounts_has_one_answer(house: House) -> None:
    house.add_account("full", quota_messages=0)
    targets = [address.parse(f"{name}@example.org") for name in ("anna", "full", "ben")]
    aliases.add(house.engine, address.parse("team@example.org"), targets)
    assert with_service(house, lambda service: hand_over(service, RAW, "team@example.org")) == ["250 2.0.0"]
    assert [len(house.rows(name)) for name in ("anna", "ben", "full")] == [1, 1, 0]


async def _twice(service: DeliveryService, first: bytes, second: bytes, **changes: str) -> Answers:
    answers = await hand_over(service, first, "anna@example.org")
    return answers + await hand_over(service, second, changes.pop("recipient", "anna@example.org"), **changes)


def test_a_redelivery_is_answered_and_not_stored(house: House) -> None:
    """The connection broke after our COMMIT: Postfix hands over the same bytes again."""
    assert with_service(house, lambda service: _twice(service, RAW, RAW)) == ["250 2.0.0"] * 2
    assert len(house.rows("anna")) == 1


def test_a_redelivery_to_another_process_is_answered_and_not_stored(house: House) -> None:
    for _ in range(2):
        with_service(house, lambda service: hand_over(service, RAW, "anna@example.org"))
    assert len(house.rows("anna")) == 1


def test_a_redelivery_while_the_first_is_in_flight_is_stored_once(house: House) -> None:
    async def at_once(service: DeliveryService) -> Answers:
        both = await asyncio.gather(*(hand_over(service, RAW, "anna@example.org") for _ in range(20)))
        return [answer for one in both for answer in one]

    assert with_service(house, at_once) == ["250 2.0.0"] * 20
    assert len(house.rows("anna")) == 1


MANY_WORDS = " ".join(f"word{number}" for number in range(100)).encode()


def _campaign_counts(house: House) -> list[int]:
    with house.engine.connect() as connection:
        rows = connection.execute(select(content).order_by(content.c.id)).all()
    reasons = [of_row(row).spam_reasons for row in rows]
    return [one.campaign[1] for one in reasons if one is not None and one.campaign is not None]


def test_a_message_is_one_near_copy_however_often_it_comes(house: House) -> None:
    raw, later = RAW + MANY_WORDS, RAW.replace(b"4ABC", b"4DEF") + MANY_WORDS

    async def story(service: DeliveryService) -> Answers:
        answers: Answers = []
        for one in (raw, raw, raw, later):
            answers += await hand_over(service, one, "anna@example.org")
        return answers

    assert with_service(house, story) == ["250 2.0.0"] * 4
    assert _campaign_counts(house) == [1, 2]


def test_a_count_that_fails_holds_no_mail_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AttributeError("withdraw")

    monkeypatch.setattr("mda.binding.CampaignTable.withdraw", fail)
    assert with_service(house, lambda service: _twice(service, RAW, RAW)) == ["250 2.0.0"] * 2


def test_a_message_that_must_come_again_is_no_near_copy_yet(house: House) -> None:
    raw = RAW + MANY_WORDS

    async def story(service: DeliveryService) -> Answers:
        answers: Answers = []
        for outcome in (Cause.STORAGE_FULL, Cause.STORAGE_FULL, None):
            with pytest.MonkeyPatch.context() as patches:
                if outcome is not None:
                    patches.setattr(ShardLane, "submit", lambda _, job, outcome=outcome: job.fail(outcome))
                answers += await hand_over(service, raw, "anna@example.org")
        return answers

    assert with_service(house, story) == ["452 4.3.1", "452 4.3.1", "250 2.0.0"]
    assert _campaign_counts(house) == [1]


def test_different_mails_are_all_stored(house: House) -> None:
    """The same text with another stamp, to another detail, from another sender."""

    async def all_of_them(service: DeliveryService) -> Answers:
        answers = await hand_over(service, RAW, "anna@example.org")
        answers += await hand_over(service, RAW.replace(b"4ABC", b"4DEF"), "anna@example.org")
        answers += await hand_over(service, RAW, "anna+a@example.org")
        answers += await hand_over(service, RAW, "anna+b@example.org")
        return answers + await hand_over(service, RAW, "anna@example.org", sender="")

    assert with_service(house, all_of_them) == ["250 2.0.0"] * 5
    assert [row.uid for row in house.rows("anna")] == [1, 2, 3, 4, 5]


def test_without_stamp_or_queue_id_no_receipt_is_made(house: House) -> None:
    plain = RAW.removeprefix(STAMP)
    assert with_service(house, lambda service: _twice(service, plain, plain)) == ["250 2.0.0"] * 2
    assert len(house.rows("anna")) == 2
    with house.engine.connect() as connection:
        assert connection.execute(select(receipt)).all() == []


def test_many_at_once_get_uids_without_gaps(house: House) -> None:
    async def flood(service: DeliveryService) -> Answers:
        mails = [RAW.replace(b"4ABC", b"4%04d" % number) for number in range(200)]
        both = await asyncio.gather(
            *(hand_over(service, mail, "anna@example.org", "ben@example.org") for mail in mails)
        )
        return [answer for one in both for answer in one]

    assert set(with_service(house, flood)) == {"250 2.0.0"}
    for name in ("anna", "ben"):
        assert [row.uid for row in house.rows(name)] == list(range(1, 201))
    with house.engine.connect() as connection:
        assert set(connection.execute(select(account_state.c.message_count)).scalars()) == {200}


def test_a_locked_account_delays_no_other(house: House) -> None:
    """Somebody holds anna's row; ben's mail goes through, and anna's when the lock is gone."""

    async def story(service: DeliveryService) -> Answers:
        with house.engine.connect() as holder:
            holder.execute(
                text(
                    "SELECT FROM account_state WHERE account_id ="
                    " (SELECT id FROM account WHERE address = 'anna@example.org') FOR UPDATE"
                )
            )
            annas = asyncio.ensure_future(hand_over(service, RAW, "anna@example.org"))
            async with asyncio.timeout(5):
                bens = await hand_over(service, RAW, "ben@example.org")
            assert not annas.done()
        async with asyncio.timeout(10):
            return bens + await annas

    assert with_service(house, story) == ["250 2.0.0", "250 2.0.0"]


def test_a_shard_that_is_not_mounted_is_temporary(house: House) -> None:
    """No marker file: an empty folder must not be taken for the shard."""
    marker = house.shard.root / "shard"
    saved = marker.read_bytes()
    marker.unlink()

    async def story(service: DeliveryService) -> Answers:
        before = await hand_over(service, RAW, "anna@example.org")
        marker.write_bytes(saved)
        return before + await hand_over(service, RAW, "anna@example.org")

    assert with_service(house, story) == ["451 4.3.0", "250 2.0.0"]
    assert len(house.rows("anna")) == 1


def test_a_database_that_is_down_is_temporary(house: House, postgresql_url: str) -> None:
    """Every connection is cut and new ones are refused; then it is back, and nobody restarts anything."""
    elsewhere = make_engine(postgresql_url).execution_options(isolation_level="AUTOCOMMIT")
    second = RAW.replace(b"4ABC", b"4DEF")

    async def story(service: DeliveryService) -> Answers:
        answers = await hand_over(service, RAW, "anna@example.org")
        with elsewhere.connect() as admin:
            name = house.engine.url.database
            admin.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
            admin.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
            answers += await hand_over(service, second, "ben@example.org", "anna@example.org")
            admin.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        return answers + await hand_over(service, second, "anna@example.org")

    try:
        assert with_service(house, story) == ["250 2.0.0", "451 4.3.0", "451 4.3.0", "250 2.0.0"]
    finally:
        elsewhere.dispose()
        house.engine.dispose()
    assert len(house.rows("anna")) == 2


def test_an_account_purged_between_rcpt_and_data_is_told_at_once(house: House) -> None:
    """Not after the deadline, and without asking PostgreSQL the same all the while."""
    anna = address.parse("anna@example.org")

    async def story(service: DeliveryService) -> Answers:
        accepted = await service.resolve(Recipient(anna), "s@example.net")
        assert isinstance(accepted, Accepted)
        accounts.set_state(house.engine, anna, AccountState.DELETED)
        purge(house.engine, anna)
        async with asyncio.timeout(10):
            return list(await service.deliver(Envelope("s@example.net", (Recipient(anna),)), (accepted,), RAW))

    assert with_service(house, story) == ["451 4.3.0"]


def test_a_database_that_hangs_is_named_before_the_deadline(
    house: House, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_lanes, "LATE_SECONDS", 0.2)
    monkeypatch.setattr(housekeeping, "LATE_LOOK_SECONDS", 0.1)
    logs.configure(Log(), said := io.StringIO())

    async def story(service: DeliveryService) -> Answers:
        with engine.begin() as somebody:
            somebody.execute(text("LOCK TABLE message"))
            under_way = asyncio.create_task(hand_over(service, RAW, "anna@example.org"))
            await asyncio.to_thread(wait_until, lambda: "shard_late" in said.getvalue(), 10, "a line")
        assert not under_way.done()
        return await under_way

    try:
        assert with_service(house, story)[0][:3] in ("250", "451")
    finally:
        logs.configure(Log())
    (line,) = [line for line in said.getvalue().splitlines() if "event=shard_late" in line]
    assert "cause=DATABASE_UNAVAILABLE" in line


def test_a_sweep_that_hangs_holds_up_no_large_message(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(composition, "POOL_THREADS", 1)
    monkeypatch.setattr(composition, "seal_abandoned", lambda _shard: released.wait(60) and ())

    async def story(service: DeliveryService) -> Answers:
        answers = await hand_over(service, RAW, "anna@example.org")  # opens the shard, which begins the sweep
        async with asyncio.timeout(10):
            answers += await hand_over(service, RAW + b"x" * 100_000, "anna@example.org")
        released.set()
        return answers

    assert with_service(house, story) == ["250 2.0.0"] * 2


def test_a_directory_that_hangs_is_temporary(house: House) -> None:
    """The table is locked by a change that takes its time; the session must not wait for as long as that."""
    settings = Settings(
        data_dir=house.settings.data_dir,
        database=house.settings.database,
        workers=Workers(count=1),
        delivery=DeliverySettings(deadline_seconds=1),
    )

    async def story(service: DeliveryService) -> Answers:
        with house.engine.begin() as holder:
            holder.execute(text("LOCK TABLE account"))
            async with asyncio.timeout(10):
                answers = await hand_over(service, RAW, "anna@example.org")
        return answers + await hand_over(service, RAW, "anna@example.org")

    assert with_service(replace(house, settings=settings), story) == ["451 4.3.0", "250 2.0.0"]


def test_a_reply_waits_for_no_log_line(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(books, "log_copies", lambda _message, copies, *_: told.append(len(copies)))

    async def story(service: DeliveryService) -> Answers:
        answers = await hand_over(service, RAW, "anna@example.org", "ben@example.org")
        assert told == []
        await asyncio.sleep(0)
        assert told == [2]
        return answers

    assert with_service(house, story) == ["250 2.0.0"] * 2


def test_threads_are_started_while_there_is_memory(house: House) -> None:
    """Not by the event loop when the first large message comes: CPython waits for ever for a thread that died."""

    async def story(_service: DeliveryService) -> Answers:
        names = [thread.name.partition("_")[0] for thread in threading.enumerate()]
        assert names.count("inspect") == composition.POOL_THREADS
        assert names.count("chore") == composition.CHORE_THREADS
        return []

    assert with_service(house, story) == []


def test_an_account_without_a_place_is_busy_and_others_are_not(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody holds anna's row, so that her mail stands in the lanes; what comes on top is asked to come again."""
    monkeypatch.setattr(AccountShares.__init__, "__defaults__", (0.05,))
    settings = Settings(
        data_dir=house.settings.data_dir,
        database=house.settings.database,
        delivery=DeliverySettings(account_in_flight=1),
    )

    async def run() -> Answers:
        async with compose(settings) as service:
            with house.engine.begin() as holder:
                holder.execute(select(account_state).where(account_state.c.message_count >= 0).with_for_update())
                first = asyncio.create_task(hand_over(service, RAW, "anna@example.org"))
                await asyncio.sleep(0.3)
                second = await hand_over(service, RAW.replace(b"4ABC", b"4DEF"), "anna@example.org")
            third = await hand_over(service, RAW.replace(b"4ABC", b"4GHI"), "ben@example.org")
            return await first + second + third

    assert codes(asyncio.run(run())) == ["250 2.0.0", "451 4.3.2", "250 2.0.0"]
