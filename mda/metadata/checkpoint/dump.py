"""What a checkpoint of a shard holds: the whole directory, and what the accounts own whose mail or replicas are there.

Of `content` only what the record of the message can't give: the rest is parsed again. Receipts and the trainer's queue
are left out: the segments have the first, and the second is work that was about to be done.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Table, insert, or_, select, text

from mda.metadata.checkpoint.lines import pack
from mda.metadata.content.facts import COLUMNS, of_row
from mda.metadata.content.spam_reasons import SpamReasons, to_json
from mda.metadata.postgresql.engine import MILLISECONDS, transaction
from mda.metadata.schema.tables import (
    account,
    account_state,
    address,
    checkpoint,
    content,
    correspondent,
    domain,
    domain_quota,
    expunged,
    mailbox,
    mark,
    message,
    policy,
    purged,
    shard,
    user_weights,
)

ROWS_AT_ONCE = 2000

DIRECTORY = (shard, domain, domain_quota, account, address, policy)
OWNED = (account_state, mailbox, message, expunged, mark, user_weights, correspondent)
CONTENT_COLUMNS = (
    *("account_id", "id", "thread_id", "spam_score", "received_at"),
    *COLUMNS,
)


@dataclass(frozen=True, slots=True)
class Written:
    """Where a checkpoint's last record lies."""

    shard_id: int
    id: int
    segment: int
    offset: int
    length: int


def dump(engine: Engine, shard_id: int) -> Iterator[bytes]:
    """The lines, of one moment: a snapshot that lasts until the last line is taken."""
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ", **{MILLISECONDS: "0"})
    with transaction(snapshot) as connection:
        # Between two rows the reader writes to a disk, for as long as that takes.
        connection.execute(text("SELECT set_config('idle_in_transaction_session_timeout', '0', true)"))
        stream = connection.execution_options(yield_per=ROWS_AT_ONCE)
        of_shard = select(account.c.id).where(
            or_(account.c.shard_id == shard_id, account.c.replica_shard_id == shard_id)
        )
        for table, columns, condition in _tables(of_shard.scalar_subquery()):
            statement = select(*(table.c[name] for name in columns))
            if condition is not None:
                statement = statement.where(condition)
            for row in stream.execute(statement):
                yield pack(table, _content(row) if table is content else dict(row._mapping))


def _content(row: Row[Any]) -> dict[str, Any]:
    """Without what the record gives; the rest in a form that every version reads."""
    found = of_row(row)
    plain = {name: value for name, value in row._mapping.items() if name not in COLUMNS}
    return plain | {
        "prefix": found.prefix,
        "forged_spans": [edge for span in found.forged_spans for edge in span] or None,
        "spam_reasons": to_json(found.spam_reasons or SpamReasons()),
        "original_recipient": found.original_recipient or None,
        "queue_id": found.queue_id or None,
    }


def note(engine: Engine, written: Written) -> None:
    """The checkpoint is whole and durable; older ones of the shard are superseded."""
    with transaction(engine) as connection:
        connection.execute(insert(checkpoint).values(**{name: getattr(written, name) for name in written.__slots__}))


def newest(engine: Engine, shard_id: int) -> int:
    """The id of the shard's last whole checkpoint; 0 where the database knows none."""
    statement = select(checkpoint.c.id).where(checkpoint.c.shard_id == shard_id).order_by(checkpoint.c.id.desc())
    with transaction(engine) as connection:
        return connection.scalar(statement.limit(1)) or 0


def _tables(
    accounts: ColumnElement[int],
) -> Iterator[tuple[Table, tuple[str, ...], ColumnElement[bool] | None]]:
    for table in DIRECTORY:
        yield table, tuple(table.columns.keys()), None
    for table in OWNED:
        yield table, tuple(table.columns.keys()), table.c.account_id.in_(accounts)
    yield content, CONTENT_COLUMNS, content.c.account_id.in_(accounts)
    yield purged, tuple(purged.columns.keys()), None
