"""Old receipts go, younger ones stay."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, insert, select

from mda.metadata.delivery.receipts import forget_old
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import receipt

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def fill(engine: Engine, ages_in_hours: list[float]) -> None:
    rows = [
        {
            "account_id": number % 5 + 1,
            "digest": number.to_bytes(16, "big"),
            "content_id": number,
            "mailbox_id": 1,
            "uid": number,
            "received_at": NOW - timedelta(hours=age),
        }
        for number, age in enumerate(ages_in_hours)
    ]
    with transaction(engine) as connection:
        connection.execute(insert(receipt), rows)


def left(engine: Engine) -> int:
    with transaction(engine) as connection:
        return connection.execute(select(func.count()).select_from(receipt)).scalar_one()


@pytest.mark.parametrize("slice_rows", [1, 7, 5000])
def test_only_what_is_older_goes(engine: Engine, slice_rows: int) -> None:
    fill(engine, [hour / 2 for hour in range(20 * 48)])
    assert forget_old(engine, 7, NOW, slice_rows) == 13 * 48 - 1
    assert left(engine) == 7 * 48 + 1
    with transaction(engine) as connection:
        assert connection.execute(select(func.min(receipt.c.received_at))).scalar_one() == NOW - timedelta(days=7)
    assert forget_old(engine, 7, NOW, slice_rows) == 0


def test_many_of_one_moment_go_together(engine: Engine) -> None:
    fill(engine, [999.0] * 50)
    assert forget_old(engine, 7, NOW, slice_rows=10) == 50


def test_nothing_to_forget(engine: Engine) -> None:
    assert forget_old(engine, 7) == 0
    fill(engine, [0.0])
    assert forget_old(engine, 7, NOW) == 0
    assert left(engine) == 1
