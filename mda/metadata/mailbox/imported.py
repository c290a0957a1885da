"""What an import asks of an account's rows beside the deliveries it makes: mailboxes, digests, keywords."""

from collections.abc import Sequence

from sqlalchemy import Engine, select, text

from mda.identifiers import IdentifierSource
from mda.metadata.mailbox import mailbox_names as names
from mda.metadata.mailbox.change import changing, lock
from mda.metadata.mailbox.listed import by_path
from mda.metadata.mailbox.mailbox_rows import ensure, read_tree
from mda.metadata.postgresql.engine import MILLISECONDS, transaction
from mda.metadata.schema.tables import content, message

Named = tuple[int, int, tuple[str, ...]]
"""Mailbox id, UID, keywords."""


def digests(engine: Engine, account_id: int) -> set[bytes]:
    """SHA-256 of every message that the account has, expunged ones within their window included."""
    statement = select(content.c.digest).where(content.c.account_id == account_id)
    with transaction(engine.execution_options(**{MILLISECONDS: "0"})) as connection:
        return {bytes(one) for one in connection.scalars(statement)}


def digests_in(engine: Engine, account_id: int, path: str) -> set[bytes]:
    """SHA-256 of every message in a mailbox; none where there is no such mailbox."""
    same = (content.c.account_id == message.c.account_id) & (content.c.id == message.c.content_id)
    with transaction(engine) as connection:
        found = by_path(read_tree(connection, account_id), path)
        if found is None:
            return set()
        is_in = (message.c.account_id == account_id, message.c.mailbox_id == found.id)
        statement = select(content.c.digest).select_from(message.join(content, same)).where(*is_in)
        return {bytes(one) for one in connection.scalars(statement)}


def ensure_mailbox(engine: Engine, identifiers: IdentifierSource, account_id: int, path: str) -> int:
    """The mailbox of that path, made where it is missing; InvalidValue for a path that none may have."""
    wanted = names.parse(path)
    with changing(engine) as connection:
        lock(connection, account_id)
        return ensure(connection, identifiers, account_id, read_tree(connection, account_id), wanted)


def set_keywords(engine: Engine, account_id: int, named: Sequence[Named]) -> None:
    """Gives messages that were stored just now their keywords."""
    if not named:
        return
    statement = text(
        "UPDATE message SET keywords = :keywords WHERE (account_id, mailbox_id, uid) = (:account, :mailbox, :uid)"
    )
    rows = [
        {"keywords": list(words), "account": account_id, "mailbox": mailbox_id, "uid": uid}
        for mailbox_id, uid, words in named
    ]
    with transaction(engine) as connection:
        connection.execute(statement, rows)
