"""Deliveries as the literals that the lane's statements take, in the order of their parameters: a batch as arrays, one
that is alone as single values.

Each delivery is written as a whole and the columns are made of that, in as few calls as it can be done with: a lone
message comes to a processor that has forgotten all of them. The literals stand in the statement as they are, since
nothing in them has to be quoted, and what is no number where one belongs is a ValueError or TypeError.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from mda.metadata.delivery.delivery_row import Delivery, Destination, in_utc

_NULL = "NULL"
_IN_ARRAY = '"\\\\x', '"'
_ALONE = "\\x", ""
"""What stands before and behind the hexadecimal digits of octets."""

_NO_REPLICA = (_NULL,) * 4


def accounts(batch: Sequence[Delivery]) -> str:
    """The lock statement's parameter: each account once, in order."""
    return f"'{{{','.join([f'{each:d}' for each in sorted({delivery.account_id for delivery in batch})])}}}'"


def arrays(batch: Sequence[Delivery]) -> str:
    """One literal per parameter of the store statement, each of as many elements as the batch; commas between them."""
    return _literals([_elements(delivery) for delivery in batch])


def arrays_with_replicas(batch: Sequence[Delivery]) -> str:
    """With the further parameters, for a batch in which something has a second record."""
    return _literals([_elements(delivery) + _replica_elements(delivery) for delivery in batch])


def alone(delivery: Delivery) -> str:
    """The parameters of the store statement for one delivery, with commas between them."""
    return ",".join([each if each is _NULL else f"'{each}'" for each in _elements(delivery, _ALONE)])


def _literals(rows: Sequence[tuple[str, ...]]) -> str:
    return "'{" + "}','{".join(map(",".join, zip(*rows, strict=True))) + "}'"


def _elements(row: Delivery, octets: tuple[str, str] = _IN_ARRAY) -> tuple[str, ...]:
    """In the order of `deliver_statements.PARAMETERS`; nothing in them needs quotes but what `octets` gives."""
    before, behind = octets
    aim, received_at = row.destination, _moment(row.received_at)
    mailbox_id, role = (_NULL, aim) if isinstance(aim, Destination) else (f"{aim:d}", Destination.INBOX)
    return (
        f"{row.account_id:d}",
        f"{row.content_id:d}",
        mailbox_id,
        role,
        _NULL if row.receipt is None else f"{before}{row.receipt.hex()}{behind}",
        received_at if row.internal_date is row.received_at else _moment(row.internal_date),
        f"{row.flags:d}",
        f"{row.shard_id:d}",
        f"{row.segment:d}",
        f"{row.offset:d}",
        f"{row.length:d}",
        f"{row.size:d}",
        f"{row.delivered_size:d}",
        f"{before}{row.digest.hex()}{behind}",
        f"{before}{row.facts.hex()}{behind}",
        _NULL if row.thread_id is None else f"{row.thread_id:d}",
        _NULL if row.message_id_hash is None else f"{row.message_id_hash:d}",
        _NULL if row.sent_at is None else _moment(row.sent_at),
        "t" if row.has_attachment else "f",
        _NULL if row.spam_score is None else f"{row.spam_score:.9g}",
        received_at,
    )


def _replica_elements(row: Delivery) -> tuple[str, ...]:
    """In the order of `deliver_statements.REPLICA_PARAMETERS`."""
    there = row.replica
    if there is None:
        return _NO_REPLICA
    return f"{there.shard_id:d}", f"{there.segment:d}", f"{there.offset:d}", f"{there.length:d}"


def _moment(value: datetime) -> str:
    in_time = value if value.tzinfo is UTC else in_utc(value)
    return _NULL if in_time is None else in_time.isoformat()
