"""Takes messages out of a mailbox, into another one or into `expunged`, and keeps every counter right.

One statement moves the rows, so that a mailbox of any size costs a few round trips. What leaves a mailbox leaves a
row in `expunged` with the modseq of the change: VANISHED (RFC 7162 s3.2.10) needs it, and undelete those that were
not moved. The content row stays. Callers hold the account locked (`mda.metadata.mailbox.change.lock`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, BigInteger, Connection, cast, delete, func, insert, literal, select, update

from mda.metadata.mailbox.change import next_modseq, use
from mda.metadata.schema.tables import content, expunged, mailbox, message
from mda.metadata.schema.words import Flag

_CARRIED = ("content_id", "flags", "keywords", "internal_date")


@dataclass(frozen=True, slots=True)
class Moved:
    """One message's old and new UID."""

    uid: int
    new_uid: int
    content_id: int


@dataclass(frozen=True, slots=True)
class _Load:
    """What some messages weigh in a mailbox's counters."""

    messages: int
    unseen: int
    bytes: int


def move_all(connection: Connection, account_id: int, source: int, target: int) -> tuple[Moved, ...]:
    """Every message of a mailbox, to another."""
    return _move(connection, account_id, source, target, message.c.mailbox_id == source)


def move_uids(
    connection: Connection, account_id: int, source: int, uids: Sequence[int], target: int
) -> tuple[Moved, ...]:
    """Those of the UIDs that are there, to another mailbox; in the order of their UIDs."""
    return _move(connection, account_id, source, target, message.c.uid.in_(uids))


def expunge_all(connection: Connection, account_id: int, source: int) -> int:
    """Every message of a mailbox; how many."""
    return _expunge(connection, account_id, source, message.c.mailbox_id == source)


def expunge_uids(connection: Connection, account_id: int, source: int, uids: Sequence[int]) -> int:
    """Those of the UIDs that are there; how many."""
    return _expunge(connection, account_id, source, message.c.uid.in_(uids))


def _move(connection: Connection, account_id: int, source: int, target: int, condition: Any) -> tuple[Moved, ...]:
    modseq = next_modseq(connection, account_id)
    first = connection.scalars(select(mailbox.c.uid_next).where(*_is(account_id, target))).one()
    taken = _taken(account_id, source, condition)
    new_uid = (func.row_number().over(order_by=taken.c.uid) + first - 1).label("new_uid")
    carried = [taken.c[name] for name in _CARRIED]
    placed = insert(message).from_select(
        ["account_id", "mailbox_id", "uid", "modseq", *_CARRIED],
        select(taken.c.account_id, _number(target), new_uid, _number(modseq), *carried),
    )
    statement = (
        select(taken.c.uid, new_uid, taken.c.content_id, taken.c.flags, content.c.delivered_size)
        .select_from(taken.outerjoin(content, _same_content(taken)))
        .add_cte(_remembered(taken, modseq, is_moved=True), placed.cte("placed"))
        .order_by(taken.c.uid)
    )
    rows = connection.execute(statement).all()
    load = _Load(
        len(rows), sum(not row.flags & Flag.SEEN for row in rows), sum(row.delivered_size or 0 for row in rows)
    )
    _count(connection, account_id, source, load, -1, modseq)
    _count(connection, account_id, target, load, +1, modseq)
    return tuple(Moved(row.uid, row.new_uid, row.content_id) for row in rows)


def _expunge(connection: Connection, account_id: int, source: int, condition: Any) -> int:
    modseq = next_modseq(connection, account_id)
    taken = _taken(account_id, source, condition)
    statement = (
        select(
            func.count(),
            func.count().filter(taken.c.flags.bitwise_and(Flag.SEEN.value) == 0),
            cast(func.coalesce(func.sum(content.c.delivered_size), 0), BigInteger),
        )
        .select_from(taken.outerjoin(content, _same_content(taken)))
        .add_cte(_remembered(taken, modseq, is_moved=False))
    )
    load = _Load(*connection.execute(statement).one())
    _count(connection, account_id, source, load, -1, modseq)
    use(connection, account_id, -load.bytes, -load.messages)
    return load.messages


def _taken(account_id: int, source: int, condition: Any) -> CTE:
    """The rows that leave `source`, as they were."""
    in_source = (message.c.account_id == account_id, message.c.mailbox_id == source)
    columns = (message.c.account_id, message.c.mailbox_id, message.c.uid, *(message.c[name] for name in _CARRIED))
    return delete(message).where(*in_source, condition).returning(*columns).cte("taken")


def _remembered(taken: CTE, modseq: int, *, is_moved: bool) -> CTE:
    columns = [taken.c.account_id, taken.c.mailbox_id, taken.c.uid, *(taken.c[name] for name in _CARRIED)]
    names = [column.name for column in columns]
    rows = select(*columns, _number(modseq), literal(is_moved))
    return insert(expunged).from_select([*names, "modseq", "is_moved"], rows).cte("remembered")


def _count(connection: Connection, account_id: int, mailbox_id: int, load: _Load, sign: int, modseq: int) -> None:
    table = mailbox.c
    values: dict[Any, Any] = {
        table.message_count: table.message_count + sign * load.messages,
        table.unseen_count: table.unseen_count + sign * load.unseen,
        table.bytes: table.bytes + sign * load.bytes,
        table.modseq: modseq,
    }
    if sign > 0:
        values[table.uid_next] = table.uid_next + load.messages
    connection.execute(update(mailbox).where(*_is(account_id, mailbox_id)).values(values))


def _same_content(taken: CTE) -> Any:
    return (content.c.account_id == taken.c.account_id) & (content.c.id == taken.c.content_id)


def _number(value: int) -> Any:
    return literal(value, BigInteger)


def _is(account_id: int, mailbox_id: int) -> Sequence[Any]:
    return (mailbox.c.account_id == account_id, mailbox.c.id == mailbox_id)
