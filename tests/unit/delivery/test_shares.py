"""Places of accounts in the lanes: bounded, handed on in order, never lost."""

import asyncio

import pytest

from mda.delivery.shares import AccountShares

ANNA, BEN = 1, 2


def test_an_account_has_its_limit_and_no_more() -> None:
    shares = AccountShares(2)
    assert [shares.take_now(ANNA) for _ in range(3)] == [True, True, False]
    assert shares.take_now(BEN)


def test_a_place_given_back_is_free_again() -> None:
    shares = AccountShares(1)
    for _ in range(3):
        assert shares.take_now(ANNA)
        shares.give_back(ANNA)
    assert shares.take_now(ANNA)


def test_places_go_to_the_longest_waiting_first() -> None:
    async def story() -> list[int]:
        shares, served = AccountShares(1), []
        assert shares.take_now(ANNA)

        async def wait(number: int) -> None:
            assert await shares.take(ANNA)
            served.append(number)
            shares.give_back(ANNA)

        tasks = [asyncio.create_task(wait(number)) for number in range(5)]
        await asyncio.sleep(0)
        assert served == []
        shares.give_back(ANNA)
        await asyncio.gather(*tasks)
        assert shares.take_now(ANNA)
        assert not shares.take_now(ANNA)
        return served

    assert asyncio.run(story()) == [0, 1, 2, 3, 4]


def test_who_waits_too_long_has_no_place_and_keeps_none() -> None:
    async def story() -> bool:
        shares = AccountShares(1, wait_seconds=0.01)
        assert shares.take_now(ANNA)
        assert not await shares.take(ANNA)
        shares.give_back(ANNA)
        return shares.take_now(ANNA)

    assert asyncio.run(story())


@pytest.mark.parametrize("is_served_first", [False, True])
def test_who_is_cancelled_keeps_no_place(is_served_first: bool) -> None:
    async def story() -> bool:
        shares = AccountShares(1)
        assert shares.take_now(ANNA)
        waiter = asyncio.create_task(shares.take(ANNA))
        await asyncio.sleep(0)
        if is_served_first:
            shares.give_back(ANNA)
            waiter.cancel()
        else:
            waiter.cancel()
            await asyncio.wait([waiter])
            shares.give_back(ANNA)
        await asyncio.wait([waiter])
        assert waiter.cancelled()
        return shares.take_now(ANNA)

    assert asyncio.run(story())
