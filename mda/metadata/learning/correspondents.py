"""Whom an account has written to, as a listing shows it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import correspondent


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Somebody to whom the account has written."""

    address: str
    sent: int
    last_seen_at: datetime


def list_all(engine: Engine, account_id: int) -> tuple[Correspondent, ...]:
    """The latest first."""
    table = correspondent.c
    statement = (
        select(table.address, table.sent_count, table.last_seen_at)
        .where(table.account_id == account_id)
        .order_by(table.last_seen_at.desc(), table.address)
    )
    with transaction(engine) as connection:
        return tuple(Correspondent(*row) for row in connection.execute(statement))
