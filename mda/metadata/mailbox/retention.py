"""The end of expunged messages: what is past its window, what nothing refers to any more, and its rows' removal.

`expire` notes in `purged` what is dead. Then comes its purge record, on its shard, and then `remove`, which deletes
the content rows: a body without a row and without a purge record is one that the database has lost. If the process
dies in between, the next run goes on from `unrecorded`. Accounts under a legal hold are passed by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from mda.metadata.mailbox.change import changing, lock
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account, content, expunged, mailbox, message, purged, replica

ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Purged:
    """A content that is to leave the shards; `content_id` 0 is all that the account ever had."""

    account_id: int
    content_id: int
    shard_id: int


def accounts_with_expunged(engine: Engine) -> tuple[int, ...]:
    """Accounts that retention has something to do for, held ones left out."""
    is_free = exists().where(account.c.id == expunged.c.account_id, account.c.held_at.is_(None))
    statement = select(expunged.c.account_id).where(is_free).distinct().order_by(expunged.c.account_id)
    with transaction(engine) as connection:
        return tuple(connection.scalars(statement))


def expire(engine: Engine, account_id: int, now: datetime, default_days: int) -> int:
    """Closes the account's window and notes what is dead then; how many `expunged` rows are gone. Nothing where it is
    held. One transaction: rows that are gone would not lead here again."""
    with changing(engine) as connection:
        lock(connection, account_id)
        found = select(account.c.retention_days, account.c.held_at).where(account.c.id == account_id)
        days, held_at = connection.execute(found.with_for_update(read=True)).one()
        if held_at is not None:
            return 0
        before = now - timedelta(days=default_days if days is None else days)
        count = _close_window(connection, account_id, before)
        _note_dead(connection, account_id)
        return count


def _close_window(connection: Connection, account_id: int, before: datetime) -> int:
    """Deletes `expunged` rows. Their mailboxes' vanished_floor rises: a client that has not looked since then must
    resynchronise in full (RFC 7162 s3.2.5.2)."""
    is_over = and_(expunged.c.account_id == account_id, expunged.c.expunged_at <= before)
    floors = (
        select(expunged.c.mailbox_id, func.max(expunged.c.modseq).label("modseq"))
        .where(is_over)
        .group_by(expunged.c.mailbox_id)
        .subquery()
    )
    connection.execute(
        update(mailbox)
        .where(mailbox.c.account_id == account_id, mailbox.c.id == floors.c.mailbox_id)
        .values(vanished_floor=func.greatest(mailbox.c.vanished_floor, floors.c.modseq))
    )
    return connection.execute(delete(expunged).where(is_over)).rowcount


def _note_dead(connection: Connection, account_id: int) -> None:
    """Contents that lie in no mailbox and can't be undeleted."""
    dead = select(content.c.account_id, content.c.id, content.c.shard_id).where(
        content.c.account_id == account_id, _is_unreferenced()
    )
    statement = upsert(purged).from_select(["account_id", "content_id", "shard_id"], dead)
    connection.execute(statement.on_conflict_do_nothing())


def note_orphan(engine: Engine, account_id: int, content_id: int, shard_id: int) -> None:
    """A body without any row that is to go."""
    row = {"account_id": account_id, "content_id": content_id, "shard_id": shard_id}
    with transaction(engine) as connection:
        connection.execute(upsert(purged).values(row).on_conflict_do_nothing())


def unrecorded(engine: Engine, limit: int = ROWS_AT_ONCE) -> tuple[Purged, ...]:
    """Those whose purge record is not known to be on its shard."""
    columns = (purged.c.account_id, purged.c.content_id, purged.c.shard_id)
    with transaction(engine) as connection:
        rows = connection.execute(select(*columns).where(~purged.c.is_recorded).order_by(*columns[:2]).limit(limit))
        return tuple(Purged(*row) for row in rows)


def remove(engine: Engine, gone: Sequence[Purged]) -> None:
    """Deletes the content rows of what has its purge record now."""
    by_account: dict[int, list[int]] = {}
    for one in gone:
        by_account.setdefault(one.account_id, []).append(one.content_id)
    for account_id, content_ids in sorted(by_account.items()):
        with changing(engine) as connection:
            is_it = (content.c.account_id == account_id, content.c.id.in_(content_ids))
            connection.execute(delete(content).where(*is_it))
            is_second = (replica.c.account_id == account_id, replica.c.content_id.in_(content_ids))
            connection.execute(delete(replica).where(*is_second))
            is_noted = (purged.c.account_id == account_id, purged.c.content_id.in_(content_ids))
            connection.execute(update(purged).where(*is_noted).values(is_recorded=True))


def _is_unreferenced() -> ColumnElement[bool]:
    in_mailbox = exists(literal(1)).where(
        message.c.account_id == content.c.account_id, message.c.content_id == content.c.id
    )
    undeletable = exists(literal(1)).where(
        expunged.c.account_id == content.c.account_id, expunged.c.content_id == content.c.id, ~expunged.c.is_moved
    )
    return and_(~in_mailbox, ~undeletable)
