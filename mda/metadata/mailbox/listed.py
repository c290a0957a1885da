"""What listings of an account's mail read: mailboxes and messages as plain values, and their statements.

Without SQLAlchemy, as `mda.metadata.directory.listings`; the operations of `mailboxes` and `messages` give the same
values. `:name` stands for a value (`mda.metadata.postgresql.reading`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from mda.errors import NotFound
from mda.metadata.content.facts import COLUMNS, of_row
from mda.metadata.directory.nearest import did_you_mean
from mda.metadata.mailbox import mailbox_names as names
from mda.metadata.mailbox.mailbox_names import DELIMITER
from mda.metadata.postgresql.reading import Reader
from mda.metadata.schema.words import Flag, Role

MAILBOXES = """
SELECT id, parent_id, name, role, subscribed, uid_validity, uid_next, message_count, unseen_count, bytes
FROM mailbox WHERE account_id = :account AND deleted_at IS NULL
"""

NEWEST = f"""
SELECT message.mailbox_id, message.uid, message.content_id, message.flags, message.keywords, message.internal_date,
    content.sent_at, content.delivered_size, content.has_attachment, content.spam_score, {", ".join(COLUMNS)}
FROM message JOIN content ON content.account_id = message.account_id AND content.id = message.content_id
WHERE message.account_id = :account AND message.mailbox_id = :mailbox
ORDER BY message.uid DESC LIMIT :limit
"""  # noqa: S608 - the columns are ours


class Mailbox(NamedTuple):
    """A mailbox with its counters; `path` is its full name."""

    id: int
    parent_id: int | None
    path: str
    role: Role | None
    is_subscribed: bool
    uid_validity: int
    uid_next: int
    messages: int
    unseen: int
    bytes: int


class Entry(NamedTuple):
    """One message as a listing needs it. `size` is the delivered form's; `envelope` the IMAP ENVELOPE."""

    mailbox_id: int
    uid: int
    content_id: int
    flags: Flag
    keywords: tuple[str, ...]
    internal_date: datetime
    sent_at: datetime | None
    size: int
    envelope: bytes
    preview: str
    has_attachment: bool
    spam_score: float | None


def tree(reader: Reader, account_id: int) -> tuple[Mailbox, ...]:
    """The account's mailboxes, INBOX first, then by path."""
    return to_tree(reader.rows(MAILBOXES, account=account_id))


def newest(reader: Reader, account_id: int, mailbox_id: int, limit: int) -> tuple[Entry, ...]:
    """At most `limit` messages of a mailbox, newest UID first."""
    return tuple(map(to_entry, reader.rows(NEWEST, account=account_id, mailbox=mailbox_id, limit=limit)))


def by_path(tree: Iterable[Mailbox], path: str) -> Mailbox | None:
    return next((found for found in tree if found.path == path), None)


def require(tree: Sequence[Mailbox], path: str) -> Mailbox:
    """The mailbox of a path in an account's tree; NotFound with the nearest one."""
    wanted = names.parse(path)
    found = by_path(tree, wanted)
    if found is None:
        known = f"there are: {', '.join(one.path for one in tree[:10])}" if tree else ""
        raise NotFound(f"no mailbox {wanted}", did_you_mean(wanted, (one.path for one in tree), known))
    return found


def to_tree(rows: Iterable[Any]) -> tuple[Mailbox, ...]:
    """From an account's rows of `mailbox`: INBOX first, then by path, so that parents stand before their children."""
    by_id = {row.id: row for row in rows}
    found = (_mailbox(row, _path(row, by_id)) for row in by_id.values())
    return tuple(sorted(found, key=lambda one: (one.role is not Role.INBOX, one.path.split(DELIMITER))))


def to_entry(row: Any) -> Entry:
    """From a row with the columns of NEWEST."""
    found = of_row(row)
    return Entry(
        row.mailbox_id,
        row.uid,
        row.content_id,
        Flag(row.flags),
        tuple(row.keywords or ()),
        row.internal_date,
        row.sent_at,
        row.delivered_size,
        found.envelope,
        found.preview,
        row.has_attachment,
        row.spam_score,
    )


def _path(row: Any, rows: dict[int, Any]) -> str:
    levels = [row.name]
    while row.parent_id is not None:
        row = rows[row.parent_id]
        levels.append(row.name)
    return DELIMITER.join(reversed(levels))


def _mailbox(row: Any, path: str) -> Mailbox:
    return Mailbox(
        row.id,
        row.parent_id,
        path,
        Role(row.role) if row.role else None,
        row.subscribed,
        row.uid_validity,
        row.uid_next,
        row.message_count,
        row.unseen_count,
        row.bytes,
    )
