"""The books of what has been answered: after the answer, step by step, and each step for itself."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from mda.delivery import books as books_module
from mda.delivery.service import DeliveryService
from mda.delivery.shares import AccountShares
from mda.delivery.tracer import Tracer
from mda.delivery.warner import Warner
from mda.metrics import recorder
from mda.metrics.families import DELIVERIES, DELIVERY_SECONDS, INSPECT_SECONDS, MESSAGE_BYTES, VERDICTS
from mda.metrics.merged import merge
from mda.metrics.region import Region
from tests.unit.delivery.conftest import House, codes, hand_over
from tests.unit.delivery.test_begin import ANNA, Sender, _fail, _goes_on, with_sender
from tests.unit.delivery.test_service import RAW, Answers, with_service


def test_the_answer_comes_before_the_books_and_each_step_in_its_turn(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def noting(name: str, does: Callable[..., Any]) -> Callable[..., Any]:
        def step(*what: Any) -> Any:
            told.append(name)
            return does(*what)

        return step

    async def story(sender: Sender) -> None:
        accepted = await sender.accepted(ANNA)
        for whose, what in (
            (Sender, "take"),
            (AccountShares, "give_back"),
            (Warner, "note"),
            (books_module, "_comes_again"),
            (books_module, "log_copies"),
            (Tracer, "note"),
            (books_module, "count"),
        ):
            monkeypatch.setattr(whose, what, noting(what, getattr(whose, what)))
        assert sender.begin(RAW, accepted)
        await sender.said()
        assert told == ["take", "give_back", "note", "_comes_again", "log_copies", "note", "count"]

    with_sender(house, story)


@pytest.mark.parametrize(
    ("whose", "what"),
    [
        (Warner, "note"),
        (books_module, "_comes_again"),
        (books_module, "log_copies"),
        (Tracer, "note"),
        (books_module, "count"),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_a_step_of_the_books_that_fails_costs_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], whose: object, what: str
) -> None:
    traced: list[float] = []
    note = Tracer.note

    def noting(tracer: Tracer, *what: Any) -> None:
        traced.append(what[-1])
        note(tracer, *what)

    async def story(sender: Sender) -> None:
        accepted = await sender.accepted(ANNA)
        with monkeypatch.context() as patches:
            patches.setattr(Tracer, "note", noting)
            patches.setattr(whose, what, _fail)
            assert sender.begin(RAW, accepted)
            assert await sender.said() == (("250 2.0.0",),)
        assert await _goes_on(sender)

    with_sender(house, story)
    assert "event=books_not_" in capsys.readouterr().err
    assert len(traced) == (0 if whose is Tracer else 1)


def test_what_became_of_each_copy_is_counted(house: House) -> None:
    async def story(service: DeliveryService) -> Answers:
        for who in (("anna@example.org", "ben@example.org"), ("anna@example.org",)):
            assert codes(await hand_over(service, RAW, *who)) == ["250 2.0.0"] * len(who)
        await asyncio.sleep(0)
        return []

    before, region = recorder.region(), Region()
    recorder.attach(region)
    try:
        with_service(house, story)
    finally:
        recorder.attach(before)
    found = {(one.family, *one.labels): one.values for one in merge([region])}
    assert found[DELIVERIES, "delivered", ""] == (2,)
    assert found[DELIVERIES, "redelivered", ""] == (1,)
    assert sum(values[0] for key, values in found.items() if key[0] is VERDICTS) == 3
    assert found[MESSAGE_BYTES,][-1] == 2 * len(RAW)
    for family in (MESSAGE_BYTES, INSPECT_SECONDS, DELIVERY_SECONDS):
        *counts, total = found[family,]
        assert sum(counts) == 2, family.name
        assert total > 0, family.name
