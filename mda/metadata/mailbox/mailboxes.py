"""Mailboxes of an account: listed, created, renamed, deleted by the rules of RFC 9051 s6.3.4 to s6.3.6.

Names form a tree by "/"; the rows of missing superior names are made with the name itself. A renamed mailbox takes
its inferiors along and keeps UIDs and UIDVALIDITY. INBOX can't be created or deleted; to rename it moves its mail.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, func, update

from mda.errors import Conflict
from mda.identifiers import IdentifierSource
from mda.metadata.mailbox import mailbox_names as names
from mda.metadata.mailbox.change import changing, lock, next_modseq
from mda.metadata.mailbox.listed import Mailbox, by_path, require
from mda.metadata.mailbox.mailbox_rows import ensure, insert_mailbox, read_tree
from mda.metadata.mailbox.relocation import expunge_all, move_all
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import mailbox
from mda.metadata.schema.words import Role


def list_all(engine: Engine, account_id: int) -> tuple[Mailbox, ...]:
    """INBOX first, then by path."""
    with transaction(engine) as connection:
        return read_tree(connection, account_id)


def find(engine: Engine, account_id: int, path: str) -> Mailbox:
    """The mailbox; NotFound with the nearest path."""
    with transaction(engine) as connection:
        return require(read_tree(connection, account_id), path)


def create(
    engine: Engine, identifiers: IdentifierSource, account_id: int, path: str, role: Role | None = None
) -> Mailbox:
    """A new mailbox and its missing superior names (RFC 9051 s6.3.4); Conflict where the name or the role is taken."""
    wanted = names.parse(path)
    with changing(engine) as connection:
        lock(connection, account_id)
        tree = read_tree(connection, account_id)
        _require_free(tree, wanted)
        holder = next((found for found in tree if role is not None and found.role is role), None)
        if holder is not None:
            raise Conflict(f"{holder.path} is the {role} mailbox", "an account has one of each role")
        mailbox_id = _create(connection, identifiers, account_id, tree, wanted, role)
        return _by_id(connection, account_id, mailbox_id)


def rename(engine: Engine, identifiers: IdentifierSource, account_id: int, old: str, new: str) -> Mailbox:
    """Another name for a mailbox and, with it, for its inferiors (RFC 9051 s6.3.6)."""
    wanted = names.parse(new)
    with changing(engine) as connection:
        lock(connection, account_id)
        tree = read_tree(connection, account_id)
        found = require(tree, old)
        _require_free(tree, wanted)
        if wanted.startswith(found.path + names.DELIMITER) and found.role is not Role.INBOX:
            raise Conflict(f"{wanted} is below {found.path}", "choose a name outside of it")
        if found.role is Role.INBOX:
            # RFC 9051 s6.3.6: INBOX stays, empty, with its inferiors; its messages move to the new mailbox.
            target = _create(connection, identifiers, account_id, tree, wanted, None)
            move_all(connection, account_id, found.id, target)
            return _by_id(connection, account_id, target)
        parent_id = _parent(connection, identifiers, account_id, tree, wanted)
        values = {
            "name": names.last_level(wanted),
            "parent_id": parent_id,
            "modseq": next_modseq(connection, account_id),
        }
        connection.execute(update(mailbox).where(*_is(account_id, found.id)).values(values))
        return _by_id(connection, account_id, found.id)


def delete(engine: Engine, account_id: int, path: str, *, is_rehearsal: bool = False) -> int:
    """Deletes a mailbox; the number of its messages, which stay undeletable as expunged ones do.

    Conflict for INBOX (RFC 9051 s6.3.5) and for a mailbox with inferiors (HASCHILDREN there).
    """
    with changing(engine, is_rehearsal=is_rehearsal) as connection:
        lock(connection, account_id)
        tree = read_tree(connection, account_id)
        found = require(tree, path)
        if found.role is Role.INBOX:
            raise Conflict("INBOX can't be deleted", "expunge its messages instead")
        child = next((one for one in tree if one.parent_id == found.id), None)
        if child is not None:
            raise Conflict(f"{found.path} has mailboxes below it, like {child.path}", "delete those first")
        count = expunge_all(connection, account_id, found.id)
        values = {"deleted_at": func.now(), "modseq": next_modseq(connection, account_id)}
        connection.execute(update(mailbox).where(*_is(account_id, found.id)).values(values))
        return count


def _require_free(tree: Sequence[Mailbox], path: str) -> None:
    if path == names.INBOX:
        raise Conflict("INBOX is every account's own", "choose another name")
    if by_path(tree, path) is not None:
        raise Conflict(f"mailbox {path} exists", "choose another name")


def _create(
    connection: Connection,
    identifiers: IdentifierSource,
    account_id: int,
    tree: Sequence[Mailbox],
    path: str,
    role: Role | None,
) -> int:
    parent_id = _parent(connection, identifiers, account_id, tree, path)
    mailbox_id = identifiers.next()
    insert_mailbox(connection, account_id, mailbox_id, parent_id, names.last_level(path), role)
    return mailbox_id


def _parent(
    connection: Connection, identifiers: IdentifierSource, account_id: int, tree: Sequence[Mailbox], path: str
) -> int | None:
    """The id of the mailbox above `path`, made if it is missing; None for a first level."""
    above = names.parent(path)
    return ensure(connection, identifiers, account_id, tree, above) if above else None


def _by_id(connection: Connection, account_id: int, mailbox_id: int) -> Mailbox:
    return next(found for found in read_tree(connection, account_id) if found.id == mailbox_id)


def _is(account_id: int, mailbox_id: int) -> Sequence[Any]:
    return (mailbox.c.account_id == account_id, mailbox.c.id == mailbox_id)
