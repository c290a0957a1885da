"""A mailbox's row: how one is made, and the tree that an account's rows form.

Names stand in rows one level each, under a parent; a path joins them by "/" (the hierarchy delimiter that IMAP
clients see). Only what `mda.metadata.mailbox.mailboxes` and `accounts` build on: no operation of its own.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from mda.identifiers import IdentifierSource
from mda.metadata.mailbox import change
from mda.metadata.mailbox import mailbox_names as names
from mda.metadata.mailbox.listed import Mailbox, by_path, to_tree
from mda.metadata.schema.tables import mailbox
from mda.metadata.schema.words import Role


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
    return to_tree(connection.execute(statement))


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
