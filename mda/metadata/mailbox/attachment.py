"""Puts messages back whose rows are lost: content, message, counters, each only where it is missing.

For the check and the rebuild. Callers say where the message lay; a UID that is taken, or a mailbox that is gone, gives
way to a new UID, or to INBOX.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from mda.errors import NotFound
from mda.metadata.delivery.deliver_statements import PARAMETERS
from mda.metadata.delivery.delivery_row import Delivery, in_utc
from mda.metadata.mailbox.change import changing, lock, next_modseq, use
from mda.metadata.schema.tables import content, expunged, mailbox, message
from mda.metadata.schema.words import Flag, Role

_NOT_OF_CONTENT = frozenset(("mailbox_id", "role", "receipt", "internal_date", "flags"))
_COLUMNS = tuple(name for name, _ in PARAMETERS if name not in _NOT_OF_CONTENT)


@dataclass(frozen=True, slots=True)
class Attached:
    """Where a message lies now; `is_new` is false where only its content was missing."""

    mailbox_id: int
    uid: int
    is_new: bool


def attach(
    engine: Engine, delivery: Delivery, mailbox_id: int | None = None, uid: int | None = None
) -> Attached | None:
    """Makes the rows of a message that are missing; None where an `expunged` row says that the user took it out, and
    only its content was missing. NotFound where the account is gone."""
    with changing(engine) as connection:
        lock(connection, delivery.account_id)
        connection.execute(upsert(content).values(content_values(delivery)).on_conflict_do_nothing())
        there = _place(connection, delivery)
        if there is not None:
            return there
        if _is_expunged(connection, delivery):
            return None
        target = _mailbox(connection, delivery.account_id, mailbox_id)
        return _insert(connection, delivery, target, uid if target == mailbox_id else None)


def content_values(delivery: Delivery) -> dict[str, Any]:
    """The row of `content` that a delivery makes."""
    values = {name: getattr(delivery, name) for name in _COLUMNS if name != "content_id"}
    return values | {
        "id": delivery.content_id,
        "received_at": in_utc(delivery.received_at),
    }


def insert_contents(engine: Engine, deliveries: Iterable[Delivery]) -> None:
    """Rows of `content` where there are none, in one transaction."""
    rows = [content_values(one) for one in deliveries]
    if rows:
        with changing(engine) as connection:
            connection.execute(upsert(content).on_conflict_do_nothing(), rows)


def _place(connection: Connection, delivery: Delivery) -> Attached | None:
    is_it = (message.c.account_id == delivery.account_id, message.c.content_id == delivery.content_id)
    row = connection.execute(select(message.c.mailbox_id, message.c.uid).where(*is_it).limit(1)).one_or_none()
    return None if row is None else Attached(row.mailbox_id, row.uid, is_new=False)


def _is_expunged(connection: Connection, delivery: Delivery) -> bool:
    is_it = (expunged.c.account_id == delivery.account_id, expunged.c.content_id == delivery.content_id)
    return connection.scalar(select(func.count()).where(*is_it)) != 0


def _mailbox(connection: Connection, account_id: int, mailbox_id: int | None) -> int:
    """The mailbox if it is there, else INBOX."""
    is_open = (mailbox.c.account_id == account_id, mailbox.c.deleted_at.is_(None))
    if mailbox_id is not None and connection.scalar(select(mailbox.c.id).where(*is_open, mailbox.c.id == mailbox_id)):
        return mailbox_id
    inbox = connection.scalar(select(mailbox.c.id).where(*is_open, mailbox.c.role == Role.INBOX))
    if inbox is None:
        raise NotFound("the account has no INBOX", "rebuild it: mda storage rebuild")
    return int(inbox)


def _insert(connection: Connection, delivery: Delivery, mailbox_id: int, uid: int | None) -> Attached:
    is_it = (mailbox.c.account_id == delivery.account_id, mailbox.c.id == mailbox_id)
    uid_next = connection.scalars(select(mailbox.c.uid_next).where(*is_it)).one()
    chosen = uid if uid is not None and _is_free(connection, delivery.account_id, mailbox_id, uid) else uid_next
    modseq = next_modseq(connection, delivery.account_id)
    connection.execute(
        insert(message).values(
            account_id=delivery.account_id,
            mailbox_id=mailbox_id,
            uid=chosen,
            content_id=delivery.content_id,
            flags=delivery.flags,
            modseq=modseq,
            internal_date=in_utc(delivery.internal_date),
        )
    )
    table = mailbox.c
    values: dict[Any, Any] = {
        table.uid_next: func.greatest(table.uid_next, chosen + 1),
        table.message_count: table.message_count + 1,
        table.unseen_count: table.unseen_count + (0 if delivery.flags & Flag.SEEN else 1),
        table.bytes: table.bytes + delivery.delivered_size,
        table.modseq: modseq,
    }
    connection.execute(update(mailbox).where(*is_it).values(values))
    use(connection, delivery.account_id, delivery.delivered_size, 1)
    return Attached(mailbox_id, chosen, is_new=True)


def _is_free(connection: Connection, account_id: int, mailbox_id: int, uid: int) -> bool:
    for table in (message, expunged):
        is_it = (table.c.account_id == account_id, table.c.mailbox_id == mailbox_id, table.c.uid == uid)
        if connection.scalar(select(func.count()).select_from(table).where(*is_it)):
            return False
    return True
