"""Forgets receipts that are older than any redelivery can be.

A receipt is needed for as long as Postfix may try again (maximal_queue_lifetime); `delivery.receipt_days` must
exceed that. Deletion goes in slices of time, each its own transaction, so that no lock or WAL burst is long; the
BRIN index finds the old rows without reading the new ones.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Engine, delete, func, select

from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import receipt

SLICE_ROWS = 5000
"""About so many rows in a transaction, if they came evenly over time."""


def forget_old(engine: Engine, days: int, now: datetime | None = None, slice_rows: int = SLICE_ROWS) -> int:
    """Deletes the receipts of more than `days` days ago; how many they were."""
    end = (now or datetime.now(UTC)) - timedelta(days=days)
    with transaction(engine) as connection:
        start, rows = connection.execute(
            select(func.min(receipt.c.received_at), func.count()).where(receipt.c.received_at < end)
        ).one()
    if not rows:
        return 0
    slices = math.ceil(rows / slice_rows)
    step = (end - start) / slices
    borders = [*(start + step * number for number in range(1, slices)), end]
    return sum(_forget_before(engine, border) for border in borders)


def _forget_before(engine: Engine, border: datetime) -> int:
    with transaction(engine) as connection:
        gone: CursorResult[Any] = connection.execute(delete(receipt).where(receipt.c.received_at < border))
        return gone.rowcount
