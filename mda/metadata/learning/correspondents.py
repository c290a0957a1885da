"""Whom an account has written to, as a listing shows it; without SQLAlchemy."""

from dataclasses import dataclass
from datetime import datetime

from mda.metadata.postgresql.reading import Reader

CORRESPONDENTS = """
SELECT address, sent_count AS sent, last_seen_at FROM correspondent WHERE account_id = :account_id
ORDER BY last_seen_at DESC, address
"""


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Somebody to whom the account has written."""

    address: str
    sent: int
    last_seen_at: datetime


def list_all(reader: Reader, account_id: int) -> tuple[Correspondent, ...]:
    """The latest first."""
    return tuple(Correspondent(*row) for row in reader.rows(CORRESPONDENTS, account_id=account_id))
