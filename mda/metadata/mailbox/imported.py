"""What an import asks of an account's rows beside the deliveries it makes: mailboxes, contents, keywords."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select, text

from mda.identifiers import IdentifierSource
from mda.metadata.content.facts import COLUMNS, of_row
from mda.metadata.mailbox import mailbox_names as names
from mda.metadata.mailbox.change import changing, lock
from mda.metadata.mailbox.listed import by_path
from mda.metadata.mailbox.mailbox_rows import ensure, read_tree
from mda.metadata.mailbox.places import Place
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import content, message, replica

Named = tuple[int, int, tuple[str, ...]]
"""Mailbox id, UID, keywords."""

PAGE = 2000


@dataclass(frozen=True, slots=True)
class Held:
    """A content of the account: SHA-256 of its stored form, and what makes the delivered form of it."""

    digest: bytes
    delivered_size: int
    place: Place
    replica: Place | None
    prefix: bytes
    forged_spans: tuple[tuple[int, int], ...]


def contents(engine: Engine, account_id: int) -> Iterator[Held]:
    """Every content that the account has, those of messages that are expunged within their window included."""
    of_place = ("shard_id", "segment", "offset", "length")
    statement = (
        select(
            *(content.c[name] for name in ("id", "digest", "delivered_size", *of_place, *COLUMNS)),
            *(replica.c[name].label(f"replica_{name}") for name in of_place),
        )
        .outerjoin(replica, (replica.c.account_id == content.c.account_id) & (replica.c.content_id == content.c.id))
        .where(content.c.account_id == account_id)
        .order_by(content.c.id)
        .limit(PAGE)
    )
    last = -1
    while True:
        with transaction(engine) as connection:
            rows = connection.execute(statement.where(content.c.id > last)).all()
        for row in rows:
            found = of_row(row)
            yield Held(
                bytes(row.digest),
                row.delivered_size,
                Place(row.shard_id, row.segment, row.offset, row.length),
                None if row.replica_shard_id is None else Place(*row[-4:]),
                found.prefix,
                found.forged_spans,
            )
        if len(rows) < PAGE:
            return
        last = rows[-1].id


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
