"""Quotas over real deliveries: the soft limit's warning comes once a crossing, whatever breaks off, and the hard
limit's answer is the account's or its domain's."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import text

from mda import address
from mda.causes import Cause, Reply
from mda.delivery import compose as composition
from mda.delivery import quota_mail
from mda.delivery.compose import compose
from mda.delivery.quota_house import QuotaBooks, count_domains, write_warning
from mda.delivery.service import DeliveryService
from mda.errors import DatabaseUnavailable
from mda.metadata.directory import accounts, aliases, domain_quotas, domains, quota_warnings
from mda.metadata.directory.quota_warnings import Notice, QuotaWarning
from mda.metadata.postgresql import direct_connection
from mda.settings import Delivery, OverQuota, Quota
from tests.unit.delivery.conftest import House, codes, hand_over

RAW = b"From: a@example.net\r\nTo: full@example.org\r\nSubject: Lunch\r\n\r\n" + b"At noon?\r\n" * 20
ANNA = "anna@example.org"
CHOSEN = Quota()
NUMBERS = count()


@pytest.fixture
def small(house: House) -> House:
    """anna may have ten messages, and is warned at nine."""
    accounts.set_quota(house.engine, address.parse(ANNA), quota_messages=10)
    return house


def deliver(house: House, times: int, recipient: str = ANNA) -> list[str]:
    """Codes of the answers; the service comes to its orderly end, so that what was noticed is settled."""

    async def run() -> list[Reply | Cause]:
        async with compose(house.settings) as service:
            return [(await hand_over(service, RAW, recipient, queue_id=f"q{next(NUMBERS)}"))[0] for _ in range(times)]

    return codes(asyncio.run(run()))


def in_service(house: House, story: Callable[[DeliveryService], Awaitable[object]]) -> None:
    async def run() -> None:
        async with compose(house.settings) as service:
            await story(service)

    asyncio.run(run())


def warnings(house: House, local_part: str = "anna") -> list[bytes]:
    return [row.stored for row in house.rows(local_part) if b"Message-ID: <quota." in row.stored]


def rows(house: House, statement: str) -> list[tuple[object, ...]]:
    with house.engine.begin() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def expunge_all(house: House) -> None:
    """What expunging everything does to the counters."""
    rows(house, "UPDATE account_state SET bytes = 0, message_count = 0")


def test_a_warning_is_written_once(small: House) -> None:
    deliver(small, 8)
    assert warnings(small) == []
    deliver(small, 1)
    (mail,) = warnings(small)
    assert b"Subject: Your mailbox is 90 % full\r\n" in mail
    assert b"Your mailbox anna@example.org holds 9 of 10 messages, which is 90 %.\r\n" in mail.replace(b"=\r\n", b"")
    assert b"Auto-Submitted: auto-generated\r\n" in mail
    assert small.rows("anna")[-1].prefix == b"Return-Path: <>\r\nDelivered-To: anna@example.org\r\n"
    assert deliver(small, 2) == ["552 5.2.2"] * 2, "the warning is the tenth"
    assert len(warnings(small)) == 1
    assert rows(small, "SELECT * FROM quota_warning") == []


def test_who_rises_again_is_warned_again(small: House) -> None:
    deliver(small, 9)
    expunge_all(small)
    deliver(small, 1)
    assert rows(small, "SELECT warned_at FROM account_state ORDER BY warned_at LIMIT 1") == [(None,)]
    deliver(small, 7)
    assert len(warnings(small)) == 1
    deliver(small, 1)
    assert len(warnings(small)) == 2


def test_one_large_mail_may_be_the_fall_and_the_rise(house: House) -> None:
    accounts.set_quota(house.engine, address.parse(ANNA), quota_bytes=len(RAW) + 50)
    deliver(house, 1)
    assert len(warnings(house)) == 1
    rows(house, "UPDATE account_state SET bytes = 0")  # all expunged, and the next mail fills it at once
    deliver(house, 1)
    assert len(warnings(house)) == 2
    expunge_all(house)


@pytest.mark.parametrize("changes", [{"warn_percent": 0}, {"quota_messages": None}])
def test_nobody_is_warned_without_a_soft_limit(small: House, changes: dict[str, int | None]) -> None:
    accounts.set_quota(small.engine, address.parse(ANNA), **changes)
    deliver(small, 9)
    assert warnings(small) == []


def test_an_own_soft_limit_comes_first(small: House) -> None:
    accounts.set_quota(small.engine, address.parse(ANNA), warn_percent=50)
    deliver(small, 5)
    assert len(warnings(small)) == 1


def test_a_full_account_is_warned_though_it_gets_no_mail(small: House) -> None:
    deliver(small, 4)
    accounts.set_quota(small.engine, address.parse(ANNA), quota_messages=4)
    assert deliver(small, 1) == ["552 5.2.2"]
    assert len(warnings(small)) == 1


def test_what_nobody_noticed_is_swept_up(small: House) -> None:
    rows(small, "UPDATE account_state SET message_count = 9")
    books = QuotaBooks(small.engine, CHOSEN)
    anna = accounts.find(small.engine, address.parse(ANNA)).id
    assert books.sweep() == (Notice(anna),)
    assert books.sweep() == (), "once an hour"
    assert books.settle((Notice(anna),)) == (anna,)
    rows(small, "UPDATE task SET run_at = now()")
    assert books.sweep() == (), "it is known"
    rows(small, "UPDATE account_state SET message_count = 1")
    rows(small, "UPDATE task SET run_at = now()")
    assert books.sweep() == (Notice(anna),)
    assert books.settle((Notice(anna),)) == ()
    assert rows(small, "SELECT count(*) FROM account_state WHERE warned_at IS NOT NULL") == [(0,)]


def test_two_who_notice_the_same_fall_warn_once(small: House) -> None:
    anna = accounts.find(small.engine, address.parse(ANNA)).id
    books = QuotaBooks(small.engine, CHOSEN)
    rows(small, "UPDATE account_state SET message_count = 9")
    assert books.settle((Notice(anna), Notice(anna))) == (anna,)
    ((first,),) = rows(small, f"SELECT warned_at FROM account_state WHERE account_id = {anna}")
    fell = Notice(anna, first)  # type: ignore[arg-type]
    assert books.settle((fell, fell, Notice(anna))) == (anna,)
    assert rows(small, "SELECT count(*) FROM quota_warning") == [(2,)]


def left_behind(house: House) -> tuple[QuotaWarning, ...]:
    """Warnings that are committed and not written, ten seconds later."""
    rows(house, "UPDATE quota_warning SET crossed_at = crossed_at - interval '11 s'")
    return quota_warnings.pending(house.engine)


def test_what_a_crash_left_between_commit_and_mail_is_written(small: House) -> None:
    anna = accounts.find(small.engine, address.parse(ANNA)).id
    rows(small, "UPDATE account_state SET message_count = 9")
    QuotaBooks(small.engine, CHOSEN).settle((Notice(anna),))
    assert quota_warnings.pending(small.engine) == (), "in the hands of who noted it"
    (left,) = left_behind(small)
    assert left.address == ANNA

    in_service(small, look)
    assert len(warnings(small)) == 1
    assert rows(small, "SELECT * FROM quota_warning") == []


def test_what_a_crash_left_between_mail_and_forgetting_is_written_once(small: House) -> None:
    anna = accounts.find(small.engine, address.parse(ANNA)).id
    rows(small, "UPDATE account_state SET message_count = 9")
    QuotaBooks(small.engine, CHOSEN).settle((Notice(anna),))
    (left,) = left_behind(small)

    async def twice(service: DeliveryService) -> None:
        assert await write_warning(service, "", left)
        assert await write_warning(service, "", left)

    in_service(small, twice)
    assert len(warnings(small)) == 1


def test_notices_wait_while_the_database_is_away(small: House) -> None:
    async def story(service: DeliveryService) -> None:
        warner = service._services.warner
        books, away = warner._outbox, Away(small.engine, CHOSEN)
        await fill(service, 9)
        warner._outbox = away
        await warner.turn(nobody)
        assert away.asked == 1
        warner._outbox = books

    in_service(small, story)
    assert len(warnings(small)) == 1


def test_a_database_that_hangs_does_not_hold_up_the_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.set_quota(house.engine, address.parse(ANNA), quota_messages=20)
    monkeypatch.setattr(direct_connection, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(composition, "LAST_TURN_SECONDS", 0.5)
    limits = structs.replace(house.settings.database, statement_timeout_seconds=1)
    hurried = structs.replace(house.settings, database=limits)
    backends = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    stopped: list[int] = []

    async def run() -> float:
        async with compose(hurried) as service:
            await service._services.warner.turn(nobody, is_look=True)  # it has its connection
            await fill(service, 18)
            stopped.extend(pid for (pid,) in rows(house, backends) if isinstance(pid, int))
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            return time.monotonic()

    resumed = threading.Timer(60, resume, (stopped,))
    resumed.start()
    try:
        began = asyncio.run(run())
        assert len(stopped) > 1
        assert time.monotonic() - began < 30
    finally:
        resumed.cancel()
        resume(stopped)
    deliver(house, 1)
    left_behind(house)
    in_service(house, look)
    assert len(warnings(house)) == 1, "who comes next writes what was left"


def resume(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


class Away(QuotaBooks):
    asked = 0

    def settle(self, notices: object) -> tuple[int, ...]:
        type(self).asked += 1
        raise DatabaseUnavailable("gone", "wait")


async def nobody(_: QuotaWarning) -> bool:
    raise AssertionError


async def fill(service: DeliveryService, times: int) -> None:
    for _ in range(times):
        await hand_over(service, RAW, ANNA, queue_id=f"q{next(NUMBERS)}")


def with_quota(house: House, **changes: str | int) -> House:
    return replace(house, settings=structs.replace(house.settings, quota=Quota(**changes)))  # type: ignore[arg-type]


def test_the_admins_own_words(small: House, tmp_path: Path) -> None:
    file = tmp_path / "warning.txt"
    file.write_text("Skrzynka {address} pełna w {percent} %\n\nZajęte {used} z {quota} ({domain}).\n")
    deliver(with_quota(small, warning_file=str(file)), 9)
    (mail,) = warnings(small)
    assert b"Subject: Skrzynka anna@example.org =?utf-8?" in mail
    assert b"Zaj=C4=99te 9 z 10 messages (example.org)." in mail


def test_words_that_cannot_be_read_are_ours(small: House, tmp_path: Path) -> None:
    deliver(with_quota(small, warning_file=str(tmp_path / "absent")), 9)
    assert b"Subject: Your mailbox is 90 % full" in warnings(small)[0]


WARNING = QuotaWarning(
    7, ANNA, 1, None, datetime(2026, 11, 28, 12, 0, 0, 1, UTC), "", 4_600_000_000, 5, 5 * 10**9, None
)


def test_a_second_try_writes_the_same_mail() -> None:
    assert quota_mail.compose(WARNING) == quota_mail.compose(replace(WARNING))
    assert b"holds 4.6 GB of 5.0 GB, which is 92 %" in quota_mail.compose(WARNING).replace(b"=\r\n", b"")
    digests = {
        quota_mail.digest(one)
        for one in (
            WARNING,
            replace(WARNING, used_bytes=1),
            replace(WARNING, account_id=8),
            replace(WARNING, domain="example.org"),
            replace(WARNING, crossed_at=WARNING.crossed_at.replace(microsecond=2)),
        )
    }
    assert len(digests) == 4, "of the account, the moment and whose quota it is"


def set_domain(house: House, **limits: int | None) -> None:
    domain_quotas.change(house.engine, "example.org", limits)
    count_domains(house.engine, CHOSEN)


def test_a_full_domain_takes_no_mail_for_any_of_its_accounts(house: House) -> None:
    set_domain(house, quota_messages=3)
    assert deliver(house, 2) == ["250 2.0.0"] * 2
    assert deliver(house, 1, "ben@example.org") == ["250 2.0.0"]
    count_domains(house.engine, CHOSEN)
    assert deliver(house, 1, "ben@example.org") == ["250 2.0.0"], "counted less than ten seconds ago"
    rows(house, "UPDATE domain_quota SET counted_at = counted_at - interval '11 s'")
    count_domains(house.engine, CHOSEN)
    assert deliver(house, 1, "ben@example.org") == ["552 5.2.2"]
    deferring = replace(house, settings=structs.replace(house.settings, delivery=Delivery(over_quota=OverQuota.DEFER)))
    assert deliver(deferring, 1) == ["452 4.2.2"]
    rows(house, "UPDATE domain_quota SET counted_at = counted_at - interval '11 min'")
    assert deliver(house, 1) == ["452 4.2.2"], "what was counted long ago refuses nothing for good"


def test_the_accounts_domain_counts_not_the_addresss(house: House) -> None:
    domains.add(house.engine, "example.net")
    aliases.add(house.engine, address.parse("a@example.net"), [address.parse(ANNA)])
    domain_quotas.change(house.engine, "example.net", {"quota_messages": 0})
    assert deliver(house, 1, "a@example.net") == ["250 2.0.0"]
    set_domain(house, quota_messages=0)
    assert deliver(house, 1, "a@example.net") == ["552 5.2.2"]


@pytest.mark.parametrize("catches_all", [False, True])
def test_a_domains_postmaster_is_warned_once(house: House, catches_all: bool) -> None:
    name = "@example.org" if catches_all else "postmaster@example.org"
    aliases.add(house.engine, aliases.parse(name), [address.parse("ben@example.org")])
    set_domain(house, quota_messages=10)
    deliver(house, 9)
    for _ in range(2):
        rows(house, "UPDATE domain_quota SET counted_at = counted_at - interval '11 s'")
        count_domains(house.engine, CHOSEN)
    left_behind(house)
    in_service(house, look)
    (mail,) = warnings(house, "ben")
    assert b"Subject: The mailboxes of example.org are 90 % full" in mail
    assert warnings(house) == []
    expunge_all(house)
    for used in (0, 10):
        rows(house, f"UPDATE account_state SET message_count = {used}")
        rows(house, "UPDATE domain_quota SET counted_at = NULL")
        count_domains(house.engine, CHOSEN)
    left_behind(house)
    in_service(house, look)
    assert len(warnings(house, "ben")) == 2


async def look(service: DeliveryService) -> None:
    """Writes what others have left."""

    async def write(warning: QuotaWarning) -> bool:
        return await write_warning(service, "", warning)

    await service._services.warner.turn(write, is_look=True)


def test_counting_that_takes_long_is_done_less_often(house: House) -> None:
    set_domain(house, quota_messages=10)
    rows(house, "UPDATE domain_quota SET counting_seconds = 3, counted_at = now() - interval '50 s', used_messages = 7")
    count_domains(house.engine, CHOSEN)
    assert rows(house, "SELECT used_messages FROM domain_quota") == [(7,)]
    rows(house, "UPDATE domain_quota SET counted_at = now() - interval '61 s'")
    count_domains(house.engine, CHOSEN)
    assert rows(house, "SELECT used_messages FROM domain_quota") == [(0,)]


def test_a_domain_that_somebody_counts_is_left_to_him(house: House) -> None:
    set_domain(house, quota_messages=10)
    rows(house, "UPDATE domain_quota SET counted_at = NULL")
    with house.engine.begin() as connection:
        connection.execute(text("SELECT FROM domain_quota FOR UPDATE"))
        count_domains(house.engine, CHOSEN)
    assert rows(house, "SELECT counted_at FROM domain_quota") == [(None,)]
