"""The byte budget: bounded, first come first served, and nothing lost by a cancelled waiter."""

import asyncio

import pytest

from mda.delivery.memory import ByteBudget


def run_holders(budget: ByteBudget, sizes: list[int]) -> tuple[list[int], int]:
    """Starts a holder per size; gives the order in which they got in, and the most octets held at a time."""
    order: list[int] = []
    held = most = 0

    async def hold(number: int, octets: int) -> None:
        nonlocal held, most
        async with budget.hold(octets):
            order.append(number)
            held += octets
            most = max(most, held)
            await asyncio.sleep(0)
            held -= octets

    async def main() -> None:
        await asyncio.gather(*(hold(number, octets) for number, octets in enumerate(sizes)))

    asyncio.run(main())
    return order, most


def test_holders_come_in_order_and_within_the_budget() -> None:
    order, most = run_holders(ByteBudget(100), [60, 60, 10, 40, 100, 5])
    assert order == [0, 1, 2, 3, 4, 5]
    assert most <= 100


def test_a_message_larger_than_the_budget_gets_in_alone() -> None:
    order, most = run_holders(ByteBudget(100), [50, 500, 50])
    assert order == [0, 1, 2]
    assert most == 500


@pytest.mark.parametrize("is_admitted_first", [False, True])
def test_a_cancelled_waiter_gives_its_place_back(is_admitted_first: bool) -> None:
    async def main() -> None:
        budget = ByteBudget(10)
        first = budget.hold(10)
        await first.__aenter__()
        waiter = asyncio.ensure_future(budget.hold(10).__aenter__())
        await asyncio.sleep(0)
        if is_admitted_first:
            await first.__aexit__(None, None, None)
            waiter.cancel()
        else:
            waiter.cancel()
            await asyncio.sleep(0)
            await first.__aexit__(None, None, None)
        with pytest.raises(asyncio.CancelledError):
            await waiter
        async with asyncio.timeout(1):
            await budget.hold(10).__aenter__()

    asyncio.run(main())
