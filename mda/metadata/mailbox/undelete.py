"""Expunged messages of an account within their window: found, and brought back into mailboxes.

A message that comes back has its flags, keywords and internal date, and a new UID: an old one is never used again
(RFC 9051 s2.3.1.1). Its `expunged` row stays for VANISHED, marked as moved, so that it does not come back twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, tuple_, update

from mda.identifiers import IdentifierSource
from mda.metadata.content.facts import COLUMNS, of_row
from mda.metadata.mailbox import mailbox_names as names
from mda.metadata.mailbox.change import changing, lock, next_modseq, use
from mda.metadata.mailbox.listed import by_path
from mda.metadata.mailbox.mailbox_rows import ensure, read_tree
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import content, expunged, mailbox, message
from mda.metadata.schema.words import Flag

PAGE = 500


@dataclass(frozen=True, slots=True)
class Expunged:
    """A message that can come back. `path` is the name of its mailbox, also of one that is deleted."""

    mailbox_id: int
    path: str
    uid: int
    content_id: int
    flags: Flag
    keywords: tuple[str, ...]
    internal_date: datetime
    expunged_at: datetime
    size: int
    envelope: bytes
    preview: str


@dataclass(frozen=True, slots=True)
class Restored:
    """Where a message is now."""

    path: str
    uid: int
    content_id: int


def find(
    engine: Engine, account_id: int, path: str | None = None, since: datetime | None = None
) -> tuple[Expunged, ...]:
    """What can be brought back, in the order of its mailboxes and UIDs; expunged at `since` or later."""
    columns = ("mailbox_id", "uid", "content_id", "flags", "keywords", "internal_date", "expunged_at")
    same = (content.c.account_id == expunged.c.account_id) & (content.c.id == expunged.c.content_id)
    statement = (
        select(
            *(expunged.c[name] for name in columns), content.c.delivered_size, *(content.c[name] for name in COLUMNS)
        )
        .join(content, same)
        .where(expunged.c.account_id == account_id, ~expunged.c.is_moved)
        .order_by(expunged.c.mailbox_id, expunged.c.uid)
    )
    if since is not None:
        statement = statement.where(expunged.c.expunged_at >= since)
    wanted = None if path is None else names.parse(path)
    with transaction(engine) as connection:
        paths = _all_paths(connection, account_id)
        rows = [row for row in connection.execute(statement) if wanted is None or paths[row.mailbox_id] == wanted]
    return tuple(
        Expunged(
            row.mailbox_id,
            paths[row.mailbox_id],
            row.uid,
            row.content_id,
            Flag(row.flags),
            tuple(row.keywords or ()),
            row.internal_date,
            row.expunged_at,
            row.delivered_size,
            found.envelope,
            found.preview,
        )
        for row, found in ((row, of_row(row)) for row in rows)
    )


def restore(
    engine: Engine,
    identifiers: IdentifierSource,
    account_id: int,
    found: Sequence[Expunged],
    watch: Callable[[int], None] = lambda messages: None,
) -> tuple[Restored, ...]:
    """Brings them back, each into its mailbox, which is made again where it was deleted; in transactions of one
    mailbox and at most PAGE messages each. What somebody has brought back meanwhile, or whose window has closed, is
    left out. `watch` is told of those that have been dealt with."""
    by_mailbox: dict[int, list[Expunged]] = {}
    for one in found:
        by_mailbox.setdefault(one.mailbox_id, []).append(one)
    restored: list[Restored] = []
    for group in by_mailbox.values():
        for start in range(0, len(group), PAGE):
            with changing(engine) as connection:
                lock(connection, account_id)
                restored += _restore(connection, identifiers, account_id, group[start : start + PAGE])
            watch(len(group[start : start + PAGE]))
    return tuple(restored)


def _restore(
    connection: Connection, identifiers: IdentifierSource, account_id: int, group: Sequence[Expunged]
) -> list[Restored]:
    source, path = group[0].mailbox_id, group[0].path
    keys = [(one.mailbox_id, one.uid) for one in group]
    is_it = (expunged.c.account_id == account_id, tuple_(expunged.c.mailbox_id, expunged.c.uid).in_(keys))
    taken = connection.scalars(
        update(expunged).where(*is_it, ~expunged.c.is_moved).values(is_moved=True).returning(expunged.c.uid)
    )
    uids = set(taken)
    there = _present(connection, account_id, [one.content_id for one in group])
    coming = [one for one in group if one.uid in uids and one.content_id in there]
    if not coming:
        return []
    target = _target(connection, identifiers, account_id, source, path)
    modseq = next_modseq(connection, account_id)
    first = _count(connection, account_id, target, coming, modseq)
    rows = [_row(account_id, target, first + place, one, modseq) for place, one in enumerate(coming)]
    connection.execute(insert(message), rows)
    use(connection, account_id, sum(one.size for one in coming), len(coming))
    return [Restored(path, first + place, one.content_id) for place, one in enumerate(coming)]


def _present(connection: Connection, account_id: int, content_ids: Sequence[int]) -> frozenset[int]:
    statement = select(content.c.id).where(content.c.account_id == account_id, content.c.id.in_(content_ids))
    return frozenset(connection.scalars(statement))


def _target(connection: Connection, identifiers: IdentifierSource, account_id: int, mailbox_id: int, path: str) -> int:
    tree = read_tree(connection, account_id)
    if any(one.id == mailbox_id for one in tree):
        return mailbox_id
    found = by_path(tree, path)
    return found.id if found else ensure(connection, identifiers, account_id, tree, path)


def _count(connection: Connection, account_id: int, mailbox_id: int, coming: Sequence[Expunged], modseq: int) -> int:
    """Adds to the mailbox's counters; the first of the UIDs that it gives."""
    table = mailbox.c
    values = {
        table.uid_next: table.uid_next + len(coming),
        table.message_count: table.message_count + len(coming),
        table.unseen_count: table.unseen_count + sum(not one.flags & Flag.SEEN for one in coming),
        table.bytes: table.bytes + sum(one.size for one in coming),
        table.modseq: modseq,
    }
    is_it = (table.account_id == account_id, table.id == mailbox_id)
    statement = update(mailbox).where(*is_it).values(values).returning(table.uid_next - len(coming))
    return int(connection.scalars(statement).one())


def _row(account_id: int, mailbox_id: int, uid: int, one: Expunged, modseq: int) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "mailbox_id": mailbox_id,
        "uid": uid,
        "content_id": one.content_id,
        # \Deleted is what it was expunged by: with it, the next EXPUNGE would take the message again.
        "flags": one.flags & ~Flag.DELETED,
        "keywords": list(one.keywords) or None,
        "modseq": modseq,
        "internal_date": one.internal_date,
    }


def _all_paths(connection: Connection, account_id: int) -> dict[int, str]:
    """Every mailbox that ever was, by its id."""
    columns = (mailbox.c.id, mailbox.c.parent_id, mailbox.c.name)
    rows = {row.id: row for row in connection.execute(select(*columns).where(mailbox.c.account_id == account_id))}
    paths: dict[int, str] = {}
    for mailbox_id, row in rows.items():
        levels = [row.name]
        while row.parent_id is not None:
            row = rows[row.parent_id]
            levels.append(row.name)
        paths[mailbox_id] = names.DELIMITER.join(reversed(levels))
    return paths
