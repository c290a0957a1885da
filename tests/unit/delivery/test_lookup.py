"""Asynchronous look-ups over a real directory: one answer each, refusals never kept, nothing left behind."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from mda import address
from mda.address import Address
from mda.causes import Cause
from mda.delivery.lookup import Lookup
from mda.delivery.remembered import Remembered
from mda.metadata.directory.resolve import APPLICATION, Directory, Resolved
from tests.unit.delivery.conftest import House

ANNA = address.parse("anna@example.org")
NEW = address.parse("new@example.org")

PATIENCE_SECONDS = 5

Answer = Resolved | Cause


@pytest.fixture
def directory(house: House) -> Directory:
    return Directory(house.settings.database.url)


def with_lookup(directory: Directory, story: Callable[[Lookup], Awaitable[list[Answer]]]) -> list[Answer]:
    async def run() -> list[Answer]:
        lookup = Lookup(directory, Remembered(60), deadline_seconds=60)
        try:
            return await story(lookup)
        finally:
            await asyncio.get_running_loop().run_in_executor(None, lookup.close)

    return asyncio.run(run())


def test_each_question_has_its_own_answer(directory: Directory) -> None:
    texts = [ANNA, NEW, Address("a", "elsewhere.test"), ANNA] * 200

    async def story(lookup: Lookup) -> list[Answer]:
        return list(await asyncio.gather(*(lookup.ask(one) for one in texts)))

    answers = with_lookup(directory, story)
    assert [answer if isinstance(answer, Cause) else answer.targets[0].address for answer in answers] == [
        "anna@example.org",
        Cause.UNKNOWN_RECIPIENT,
        Cause.DOMAIN_NOT_CONFIGURED,
        "anna@example.org",
    ] * 200


def test_what_is_found_is_recalled_and_a_refusal_is_not(directory: Directory, house: House) -> None:
    async def story(lookup: Lookup) -> list[Answer]:
        assert lookup.recall(ANNA) is None
        before = [await lookup.ask(NEW), await lookup.ask(ANNA)]
        assert lookup.recall(NEW) is None
        assert lookup.recall(address.parse("ANNA@Example.org")) is before[1]
        house.add_account("new")
        with house.engine.begin() as connection:
            connection.execute(text("UPDATE account SET state = 'disabled' WHERE address = 'anna@example.org'"))
        return [*before, await lookup.ask(NEW), await lookup.ask(ANNA)]

    refused, anna, added, anna_again = with_lookup(directory, story)
    assert refused is Cause.UNKNOWN_RECIPIENT
    assert isinstance(added, Resolved)
    assert isinstance(anna, Resolved)
    assert isinstance(anna_again, Resolved)
    assert (anna.targets[0].is_enabled, anna_again.targets[0].is_enabled) == (True, False)


def test_its_thread_closes_the_directory(directory: Directory, house: House) -> None:
    async def story(lookup: Lookup) -> list[Answer]:
        answers = [await lookup.ask(ANNA)]
        assert _connections(house) == 1
        return answers

    with_lookup(directory, story)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _connections(house):  # the server takes a moment to see the end
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _connections(house: House) -> int:
    """Of the directory to the test's database."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name AND datname = current_database()"
    with house.engine.begin() as connection:
        return int(connection.execute(text(query), {"name": APPLICATION}).scalar_one())
