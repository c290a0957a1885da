"""Messages that are to vanish at once and for good, and the legal hold that forbids it.

`ask` takes them out of their mailboxes and out of undelete's reach, and notes them in `purged` as urgent; their content
rows go when the shard has their purge record (`retention.remove`), their bytes with the next erasure of the segments.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from mda.errors import Conflict, NotFound
from mda.identifiers import format_id
from mda.metadata.mailbox.change import changing, lock
from mda.metadata.mailbox.relocation import expunge_uids
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account, content, expunged, message, purged

ALL_CONTENTS = 0
"""The content id that stands for all that an account ever had."""


def hold(engine: Engine, account_id: int, reason: str) -> datetime:
    """Forbids every purge of the account until `release`; since when it has been held."""
    with transaction(engine) as connection:
        kept = func.coalesce(account.c.held_at, func.now())
        statement = update(account).where(account.c.id == account_id).values(held_at=kept, hold_reason=reason)
        held_at: datetime = connection.scalars(statement.returning(account.c.held_at)).one()
        return held_at


def release(engine: Engine, account_id: int) -> bool:
    """Lifts the hold; whether there was one."""
    is_held = (account.c.id == account_id, account.c.held_at.is_not(None))
    with transaction(engine) as connection:
        statement = update(account).where(*is_held).values(held_at=None, hold_reason=None)
        return bool(connection.execute(statement).rowcount)


def set_retention(engine: Engine, account_id: int, days: int | None) -> None:
    """The account's own window for undelete; None follows the settings."""
    with transaction(engine) as connection:
        connection.execute(update(account).where(account.c.id == account_id).values(retention_days=days))


def require_free(connection: Connection, account_id: int) -> None:
    """Conflict where the account is held; until the transaction ends nobody can hold it."""
    columns = (account.c.address, account.c.held_at, account.c.hold_reason)
    found = connection.execute(select(*columns).where(account.c.id == account_id).with_for_update(read=True)).one()
    if found.held_at is not None:
        reason = f" ({found.hold_reason})" if found.hold_reason else ""
        raise Conflict(
            f"account {found.address} is under a legal hold since {found.held_at:%Y-%m-%d}{reason}",
            f"lift it first: mda account hold {found.address} --lift",
        )


def ask(engine: Engine, account_id: int, content_ids: Sequence[int], *, is_rehearsal: bool = False) -> int:
    """Notes the contents as to be erased; how many there were. NotFound where the account has not all of them,
    Conflict where it is held."""
    with changing(engine, is_rehearsal=is_rehearsal) as connection:
        lock(connection, account_id)
        require_free(connection, account_id)
        is_it = (content.c.account_id == account_id, content.c.id.in_(content_ids))
        found = connection.execute(select(content.c.id, content.c.shard_id).where(*is_it)).all()
        missing = sorted(set(content_ids) - {row.id for row in found})
        if missing:
            raise NotFound(f"no message {format_id(missing[0])}", "nothing was purged; list messages again")
        _take_out(connection, account_id, content_ids)
        rows = [
            {"account_id": account_id, "content_id": row.id, "shard_id": row.shard_id, "is_urgent": True}
            for row in found
        ]
        _note(connection, rows)
        return len(rows)


def ask_all(engine: Engine, account_id: int, *, is_rehearsal: bool = False) -> None:
    """Notes everything that the account ever had; Conflict where it is held."""
    with changing(engine, is_rehearsal=is_rehearsal) as connection:
        require_free(connection, account_id)
        shard_id = connection.scalars(select(account.c.shard_id).where(account.c.id == account_id)).one()
        row = {"account_id": account_id, "content_id": ALL_CONTENTS, "shard_id": shard_id, "is_urgent": True}
        _note(connection, [row])


def _note(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    statement = upsert(purged).values(rows)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["account_id", "content_id"], set_={"is_urgent": True})
    )


def _take_out(connection: Connection, account_id: int, content_ids: Sequence[int]) -> None:
    is_it = (message.c.account_id == account_id, message.c.content_id.in_(content_ids))
    by_mailbox: dict[int, list[int]] = {}
    for mailbox_id, uid in connection.execute(select(message.c.mailbox_id, message.c.uid).where(*is_it)):
        by_mailbox.setdefault(mailbox_id, []).append(uid)
    for mailbox_id, uids in sorted(by_mailbox.items()):
        expunge_uids(connection, account_id, mailbox_id, uids)
    is_gone = (expunged.c.account_id == account_id, expunged.c.content_id.in_(content_ids))
    connection.execute(update(expunged).where(*is_gone).values(is_moved=True))
