"""A mailbox's row: how one is made, and the tree that an account's rows form.

Names stand in rows one level each, under a parent; a path joins them by "/" (the hierarchy delimiter that IMAP
clients see). Only what `mda.metadata.mailbox.mailboxes` and `accounts` build on: no operation of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from mda.identifiers import IdentifierSource
from mda.metadata.mailbox import change
from mda.metadata.mailbox import mailbox_names as names
from mda.metadata.mailbox.mailbox_names import DELIMITER
from mda.metadata.schema.tables import mailbox
from mda.metadata.schema.words import Role


@dataclass(frozen=True, slots=True)
class Mailbox:
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


def insert_mailbox(
    connection: Connection, account_id: int, mailbox_id: int, parent_id: int | None, name: str, role: Role | None
) -> None:
    """A new mailbox with a UIDVALIDITY of its own; call with the account locked, or not yet seen by others."""
    values = {
        "account_id": account_id,
        "id": mailbox_id,
        "parent_id": parent_id,
        "name": name,
        "role": role,
        "uid_validity": change.next_uid_validity(connection, account_id),
        "modseq": change.next_modseq(connection, account_id),
    }
    connection.execute(insert(mailbox).values(values))


def read_tree(connection: Connection, account_id: int) -> tuple[Mailbox, ...]:
    """The account's mailboxes, INBOX first, then by path; parents stand before their children."""
    table = mailbox.c
    statement = select(mailbox).where(table.account_id == account_id, table.deleted_at.is_(None))
    rows = {row.id: row for row in connection.execute(statement)}
    found = (_mailbox(row, _path(row, rows)) for row in rows.values())
    return tuple(sorted(found, key=lambda one: (one.role is not Role.INBOX, one.path.split(DELIMITER))))


def by_path(tree: Iterable[Mailbox], path: str) -> Mailbox | None:
    return next((found for found in tree if found.path == path), None)


def ensure(
    connection: Connection, identifiers: IdentifierSource, account_id: int, tree: Sequence[Mailbox], path: str
) -> int:
    """The id of the mailbox at `path`, made if it is missing, with those above it."""
    found = by_path(tree, path)
    if found is not None:
        return found.id
    above = names.parent(path)
    parent_id = ensure(connection, identifiers, account_id, tree, above) if above else None
    made = identifiers.next()
    insert_mailbox(connection, account_id, made, parent_id, names.last_level(path), None)
    return made


def _path(row: Row[Any], rows: dict[int, Row[Any]]) -> str:
    names = [row.name]
    while row.parent_id is not None:
        row = rows[row.parent_id]
        names.append(row.name)
    return DELIMITER.join(reversed(names))


def _mailbox(row: Row[Any], path: str) -> Mailbox:
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
