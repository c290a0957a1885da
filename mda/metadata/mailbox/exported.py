"""A mailbox's messages in the order of their UIDs, with all that an export needs, in few queries."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from mda.metadata.content.facts import COLUMNS, of_row
from mda.metadata.mailbox.places import Place
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import content, message, replica
from mda.metadata.schema.words import Flag

PAGE = 500


@dataclass(frozen=True, slots=True)
class Exported:
    """One message: where its body lies, and what makes the delivered form of it."""

    uid: int
    flags: Flag
    keywords: tuple[str, ...]
    internal_date: datetime
    place: Place
    prefix: bytes
    forged_spans: tuple[tuple[int, int], ...]
    size: int
    replica: Place | None


def read(engine: Engine, account_id: int, mailbox_id: int) -> Iterator[Exported]:
    """Each page is a transaction of its own: what comes meanwhile is exported, too."""
    same = (content.c.account_id == message.c.account_id) & (content.c.id == message.c.content_id)
    of_message = ("uid", "flags", "keywords", "internal_date")
    of_content = ("shard_id", "segment", "offset", "length", "delivered_size", *COLUMNS)
    statement = (
        select(
            *(message.c[name] for name in of_message),
            *(content.c[name] for name in of_content),
            replica.c.shard_id.label("replica_shard"),
            *(replica.c[name].label(f"replica_{name}") for name in ("segment", "offset", "length")),
        )
        .join(content, same)
        .outerjoin(replica, (replica.c.account_id == content.c.account_id) & (replica.c.content_id == content.c.id))
        .where(message.c.account_id == account_id, message.c.mailbox_id == mailbox_id)
        .order_by(message.c.uid)
        .limit(PAGE)
    )
    last = 0
    while True:
        with transaction(engine) as connection:
            rows = connection.execute(statement.where(message.c.uid > last)).all()
        for row in rows:
            found = of_row(row)
            yield Exported(
                row.uid,
                Flag(row.flags),
                tuple(row.keywords or ()),
                row.internal_date,
                Place(row.shard_id, row.segment, row.offset, row.length),
                found.prefix,
                found.forged_spans,
                row.delivered_size,
                None if row.replica_shard is None else Place(row.replica_shard, *(row[-3:])),
            )
        if len(rows) < PAGE:
            return
        last = rows[-1].uid


def total(engine: Engine, account_id: int, mailbox_ids: tuple[int, ...]) -> int:
    """Octets of the delivered forms of all messages in these mailboxes."""
    same = (content.c.account_id == message.c.account_id) & (content.c.id == message.c.content_id)
    is_in = (message.c.account_id == account_id, message.c.mailbox_id.in_(mailbox_ids))
    statement = select(func.coalesce(func.sum(content.c.delivered_size), 0)).select_from(message.join(content, same))
    with transaction(engine) as connection:
        return int(connection.scalar(statement.where(*is_in)) or 0)
