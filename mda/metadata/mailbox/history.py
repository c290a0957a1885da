"""What has become of one delivered content: where it lies, and from where it was moved or expunged."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from mda.metadata.postgresql.engine import transaction

LIVES = "SELECT mailbox_id, uid FROM message WHERE account_id = :account_id AND content_id = :content_id ORDER BY 1, 2"
LEFT = """
SELECT mailbox_id, uid, expunged_at, is_moved FROM expunged
WHERE account_id = :account_id AND content_id = :content_id ORDER BY expunged_at, modseq
"""
NAMES = "SELECT id, name FROM mailbox WHERE account_id = :account_id"


@dataclass(frozen=True, slots=True)
class Stay:
    """A place of the message. `left_at` None: it is there. `mailbox` is the name of the last level."""

    mailbox: str
    uid: int
    left_at: datetime | None = None
    is_moved: bool = False


def stays(engine: Engine, account_id: int, content_id: int) -> tuple[Stay, ...]:
    """Places that it has left, in order of time, and then those where it is; none where it is purged."""
    parameters = {"account_id": account_id, "content_id": content_id}
    with transaction(engine) as connection:
        names = {row.id: row.name for row in connection.execute(text(NAMES), {"account_id": account_id})}
        left = connection.execute(text(LEFT), parameters).all()
        lives = connection.execute(text(LIVES), parameters).all()
    return (
        *(Stay(names.get(row.mailbox_id, "?"), row.uid, row.expunged_at, row.is_moved) for row in left),
        *(Stay(names.get(row.mailbox_id, "?"), row.uid) for row in lives),
    )
