"""Rows into an empty database: what checkpoints hold, what commit records say, and what is made for want of both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Table, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from mda.errors import Conflict
from mda.identifiers import IdentifierSource
from mda.metadata.directory.accounts import UID_VALIDITY_SHIFT
from mda.metadata.directory.changes import CHANNEL
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import (
    METADATA,
    account,
    account_state,
    address,
    content,
    domain,
    expunged,
    mailbox,
    message,
    receipt,
    shard,
    task,
)
from mda.metadata.schema.words import AddressKind, Role

REBUILD = "rebuild_database"
"""Kind of the task that stands while a rebuild is not done: it may then be begun anew."""

UID_GAP = 1_000_000
"""Added to UIDNEXT of a mailbox of which nothing is known behind its checkpoint: messages may have been moved into it
since, under UIDs that nobody noted."""

UID_VALIDITY_GAP = 1000
NOWHERE = "rebuilt.invalid"
"""Domain of accounts whose address no checkpoint knows (RFC 2606 s2)."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A message's row. `receipt` None where there is none to be kept."""

    content_id: int
    mailbox_id: int
    uid: int
    internal_date: datetime
    receipt: bytes | None = None


def require_empty(engine: Engine) -> None:
    """Conflict where the database holds accounts that no interrupted rebuild has made."""
    with transaction(engine) as connection:
        is_begun = connection.scalar(select(func.count()).select_from(task).where(task.c.kind == REBUILD))
        if not is_begun:
            first = connection.scalar(select(account.c.address).limit(1))
            if first is not None:
                raise Conflict(f"the database is in use: it has account {first}", "rebuild into an empty database")


def begin(engine: Engine) -> None:
    """Empties the database for a rebuild; Conflict as `require_empty`."""
    require_empty(engine)
    with transaction(engine) as connection:
        names = ", ".join(f'"{table.name}"' for table in METADATA.sorted_tables)
        connection.execute(text(f"TRUNCATE {names}"))
        connection.execute(insert(task).values(id=IdentifierSource().next(), kind=REBUILD))


def finish(engine: Engine) -> None:
    """The rebuild is done. What a worker has looked up meanwhile may have been half of it."""
    with transaction(engine) as connection:
        connection.execute(delete(task).where(task.c.kind == REBUILD))
        connection.execute(text(f"NOTIFY {CHANNEL}"))


def add_shard(engine: Engine, shard_id: int, name: str, url: str) -> None:
    """The shard as its folder names it; what a checkpoint says of its weight comes later."""
    with transaction(engine) as connection:
        connection.execute(upsert(shard).values(id=shard_id, name=name, url=url).on_conflict_do_nothing())


def known_shards(engine: Engine) -> frozenset[int]:
    with transaction(engine) as connection:
        return frozenset(connection.scalars(select(shard.c.id)))


def add_rows(engine: Engine, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows that are not there yet."""
    if not rows:
        return
    columns = {name for row in rows for name in row}
    # A column that is null in some rows is left out of their lines.
    filled = [{name: row.get(name) for name in columns} for row in rows]
    with transaction(engine) as connection:
        connection.execute(upsert(table).on_conflict_do_nothing(), filled)


def set_shard(engine: Engine, row: Mapping[str, Any]) -> None:
    """Weight and state of a shard that is there."""
    kept = {name: row[name] for name in ("weight", "state", "created_at") if name in row}
    with transaction(engine) as connection:
        connection.execute(update(shard).where(shard.c.id == row["id"]).values(kept))


def accounts(engine: Engine) -> dict[int, str]:
    """Every account's address."""
    with transaction(engine) as connection:
        return {row.id: row.address for row in connection.execute(select(account.c.id, account.c.address))}


def make_account(engine: Engine, account_id: int, shard_id: int) -> str:
    """An account that no checkpoint knows; its address, which the admin will change."""
    local_part = f"{account_id:016x}"
    with transaction(engine) as connection:
        connection.execute(upsert(domain).values(name=NOWHERE).on_conflict_do_nothing())
        made = f"{local_part}@{NOWHERE}"
        connection.execute(insert(account).values(id=account_id, address=made, shard_id=shard_id))
        own = {"domain": NOWHERE, "local_part": local_part, "account_id": account_id, "kind": AddressKind.ACCOUNT}
        connection.execute(insert(address).values(own))
    return made


def ensure_state(engine: Engine, account_id: int) -> None:
    """The account's counters, and UIDVALIDITYs that it has not had: values are drawn from the clock when an account
    is made, and rise one by one since."""
    beyond = (IdentifierSource().next() >> UID_VALIDITY_SHIFT) + 1
    with transaction(engine) as connection:
        connection.execute(upsert(account_state).values(account_id=account_id).on_conflict_do_nothing())
        table = account_state.c
        value = func.greatest(table.next_uid_validity + UID_VALIDITY_GAP, beyond)
        connection.execute(update(account_state).where(table.account_id == account_id).values(next_uid_validity=value))


def mailboxes(engine: Engine, account_id: int) -> dict[int, Role | None]:
    """The account's mailboxes with their roles."""
    with transaction(engine) as connection:
        rows = connection.execute(select(mailbox.c.id, mailbox.c.role).where(mailbox.c.account_id == account_id))
        return {row.id: Role(row.role) if row.role else None for row in rows}


def make_mailbox(engine: Engine, account_id: int, mailbox_id: int, name: str, role: Role | None) -> None:
    """A mailbox that no checkpoint knows; it gets its UIDVALIDITY from `renew`."""
    values = {"account_id": account_id, "id": mailbox_id, "name": name, "role": role, "uid_validity": 0}
    with transaction(engine) as connection:
        connection.execute(insert(mailbox).values(values))


def placed_contents(engine: Engine, account_id: int) -> frozenset[int]:
    """Contents that the checkpoint places in a mailbox, or remembers as expunged."""
    with transaction(engine) as connection:
        rows: set[int] = set()
        for table in (message, expunged):
            rows |= set(connection.scalars(select(table.c.content_id).where(table.c.account_id == account_id)))
        return frozenset(rows)


def uids(engine: Engine, account_id: int) -> dict[int, set[int]]:
    """UIDs in use or once used, by mailbox, as far as rows know."""
    found: dict[int, set[int]] = {}
    with transaction(engine) as connection:
        for table in (message, expunged):
            columns = (table.c.mailbox_id, table.c.uid)
            for mailbox_id, uid in connection.execute(select(*columns).where(table.c.account_id == account_id)):
                found.setdefault(mailbox_id, set()).add(uid)
    return found


def place(engine: Engine, account_id: int, placed: Iterable[Placed]) -> None:
    """Rows of messages, all of one new modseq, and the receipts that are still of use."""
    rows = tuple(placed)
    if not rows:
        return
    with transaction(engine) as connection:
        state = account_state.c
        advanced = update(account_state).where(state.account_id == account_id).values(modseq=state.modseq + 1)
        modseq = connection.scalars(advanced.returning(state.modseq)).one()
        connection.execute(
            insert(message),
            [
                {
                    "account_id": account_id,
                    "mailbox_id": one.mailbox_id,
                    "uid": one.uid,
                    "content_id": one.content_id,
                    "modseq": modseq,
                    "internal_date": one.internal_date,
                }
                for one in rows
            ],
        )
        receipts = [
            {
                "account_id": account_id,
                "digest": one.receipt,
                "content_id": one.content_id,
                "mailbox_id": one.mailbox_id,
                "uid": one.uid,
                "received_at": one.internal_date,
            }
            for one in rows
            if one.receipt is not None
        ]
        if receipts:
            connection.execute(upsert(receipt).on_conflict_do_nothing(), receipts)


def drop_bodiless(engine: Engine, account_id: int) -> int:
    """Takes away messages whose body no segment has; how many."""
    has_content = (
        select(content.c.id)
        .where(content.c.account_id == message.c.account_id, content.c.id == message.c.content_id)
        .exists()
    )
    with transaction(engine) as connection:
        is_bodiless = (message.c.account_id == account_id, ~has_content)
        return connection.execute(delete(message).where(*is_bodiless)).rowcount


def renew(engine: Engine, account_id: int, changed: Iterable[int]) -> None:
    """New UIDVALIDITYs for mailboxes that have changed since their checkpoint; a gap in the UIDs of the others."""
    renewed = sorted(set(changed))
    with transaction(engine) as connection:
        is_own = mailbox.c.account_id == account_id
        others = update(mailbox).where(is_own, mailbox.c.id.not_in(renewed))
        connection.execute(others.values(uid_next=mailbox.c.uid_next + UID_GAP))
        for mailbox_id in renewed:
            state = account_state.c
            advanced = update(account_state).where(state.account_id == account_id)
            value = connection.scalars(
                advanced.values(next_uid_validity=state.next_uid_validity + 1).returning(state.next_uid_validity - 1)
            ).one()
            connection.execute(update(mailbox).where(is_own, mailbox.c.id == mailbox_id).values(uid_validity=value))
