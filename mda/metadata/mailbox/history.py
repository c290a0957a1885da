"""What has become of one delivered content: where it lies, and from where it was moved or expunged.

Without SQLAlchemy, whose import takes longer than the question.
"""

from dataclasses import dataclass
from datetime import datetime

from mda.metadata.postgresql.reading import Reader

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


def stays(reader: Reader, account_id: int, content_id: int) -> tuple[Stay, ...]:
    """Places that it has left, in order of time, and then those where it is; none where it is purged."""
    left = reader.rows(LEFT, account_id=account_id, content_id=content_id)
    lives = reader.rows(LIVES, account_id=account_id, content_id=content_id)
    names = {row.id: row.name for row in reader.rows(NAMES, account_id=account_id)}
    return (
        *(Stay(names.get(row.mailbox_id, "?"), row.uid, row.expunged_at, row.is_moved) for row in left),
        *(Stay(names.get(row.mailbox_id, "?"), row.uid) for row in lives),
    )
