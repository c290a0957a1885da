"""Messages of an account, read for listings and one by one, moved and expunged.

A message is named by its mailbox and UID, or by its EMAILID (RFC 8474: the content's id), which stays when it moves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from mda.errors import Conflict, NotFound
from mda.identifiers import IdentifierSource, format_id
from mda.metadata.content.facts import COLUMNS, of_row
from mda.metadata.content.spam_reasons import SpamReasons
from mda.metadata.directory.shards import Shard, ShardState
from mda.metadata.mailbox import listed
from mda.metadata.mailbox.change import changing, lock
from mda.metadata.mailbox.listed import Entry, Mailbox, to_entry
from mda.metadata.mailbox.mailbox_rows import read_tree
from mda.metadata.mailbox.places import Place
from mda.metadata.mailbox.relocation import Moved, expunge_uids, move_uids
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account, content, mark, message, replica, shard, training_queue
from mda.metadata.schema.words import Role

PAGE = 500
"""Rows read at once; each page is a transaction of its own."""


_OF_SHARD = ("name", "url", "state", "weight")


@dataclass(frozen=True, slots=True)
class Content:
    """Where a message's bytes are and what is known of them. `account` is the owner's address; `structure` the part
    table (mda.mime.stored); `forged_spans` are cut from the stored form."""

    id: int
    account: str
    shard: Shard
    segment: int
    offset: int
    length: int
    size: int
    delivered_size: int
    digest: bytes
    structure: bytes
    prefix: bytes
    forged_spans: tuple[tuple[int, int], ...]
    thread_id: int
    spam_score: float | None
    spam_reasons: SpamReasons
    """Empty where the message was not classified."""
    defects: int
    original_recipient: str | None
    queue_id: str | None
    received_at: datetime
    replica: tuple[Shard, Place] | None = None
    """Where the bytes are a second time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages of a mailbox a reading is for: received in [since, before), with this Message-ID hash."""

    since: datetime | None = None
    before: datetime | None = None
    message_id_hash: int | None = None


def read(engine: Engine, account_id: int, mailbox_id: int, wanted: Wanted | None = None) -> Iterator[Entry]:
    """The messages of a mailbox, newest UID first."""
    conditions = _conditions(wanted or Wanted())
    below = None
    while True:
        statement = _entries(account_id).where(message.c.mailbox_id == mailbox_id, *conditions)
        if below is not None:
            statement = statement.where(message.c.uid < below)
        with transaction(engine) as connection:
            rows = connection.execute(statement.order_by(message.c.uid.desc()).limit(PAGE)).all()
        yield from map(to_entry, rows)
        if len(rows) < PAGE:
            return
        below = rows[-1].uid


def find_all(engine: Engine, account_id: int, content_id: int) -> tuple[Entry, ...]:
    """Every place where a content lies; NotFound where it lies nowhere."""
    with transaction(engine) as connection:
        rows = connection.execute(_entries(account_id).where(message.c.content_id == content_id)).all()
    if not rows:
        raise NotFound(f"no message {format_id(content_id)}", "list them with: mda message list")
    return tuple(to_entry(row) for row in rows)


def find(engine: Engine, account_id: int, path: str, uid: int) -> Entry:
    """The message with this UID; NotFound where there is none (any more)."""
    with transaction(engine) as connection:
        found = listed.require(read_tree(connection, account_id), path)
        statement = _entries(account_id).where(message.c.mailbox_id == found.id, message.c.uid == uid)
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"no message {found.path}:{uid}", f"list them with: mda message list --mailbox '{found.path}'")
    return to_entry(row)


def find_campaign(engine: Engine, account_id: int, campaign: int) -> tuple[int, ...]:
    """Content ids of the account's messages that were found in a campaign, in order. Reads all that it has."""
    lies = select(message.c.uid).where(
        message.c.account_id == account_id,
        message.c.account_id == content.c.account_id,
        message.c.content_id == content.c.id,
    )
    statement = (
        select(content.c.id, *(content.c[name] for name in COLUMNS))
        .where(content.c.account_id == account_id, lies.exists())
        .order_by(content.c.id)
        .execution_options(yield_per=PAGE)
    )
    with transaction(engine) as connection:
        found = ((row.id, of_row(row).spam_reasons) for row in connection.execute(statement))
        return tuple(content_id for content_id, reasons in found if reasons and reasons.campaign_id == campaign)


def open_content(engine: Engine, account_id: int, content_id: int) -> Content:
    """Where the bytes are; NotFound where the account has no such content."""
    table, second = content.c, shard.alias("second")
    statement = (
        select(
            content,
            account.c.address,
            *(shard.c[name].label(f"shard_{name}") for name in _OF_SHARD),
            *(second.c[name].label(f"second_{name}") for name in ("id", *_OF_SHARD)),
            *(replica.c[name].label(f"replica_{name}") for name in ("segment", "offset", "length")),
        )
        .join(shard, shard.c.id == table.shard_id)
        .join(account, account.c.id == table.account_id)
        .outerjoin(replica, (replica.c.account_id == table.account_id) & (replica.c.content_id == table.id))
        .outerjoin(second, second.c.id == replica.c.shard_id)
        .where(table.account_id == account_id, table.id == content_id)
    )
    with transaction(engine) as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"no content {format_id(content_id)}")
    return _content(row)


def move(
    engine: Engine, identifiers: IdentifierSource, account_id: int, entries: Sequence[Entry], path: str
) -> tuple[Moved, ...]:
    """Into another mailbox, under new UIDs (RFC 9051 s6.4.8). Across Junk's border the filter is told to learn.

    All of them or none: NotFound where one of them is not there any more.
    """
    with changing(engine) as connection:
        lock(connection, account_id)
        tree = read_tree(connection, account_id)
        target = listed.require(tree, path)
        moved: list[Moved] = []
        for source, uids in _by_mailbox(tree, entries):
            if source.id == target.id:
                raise Conflict(f"message {source.path}:{uids[0]} is in {target.path} already")
            batch = move_uids(connection, account_id, source.id, uids, target.id)
            _require_all(source, uids, [one.uid for one in batch])
            _learn(connection, identifiers, account_id, source, target, batch)
            moved += batch
    return tuple(moved)


def expunge(engine: Engine, account_id: int, entries: Sequence[Entry], *, is_rehearsal: bool = False) -> int:
    """Takes messages out of their mailboxes; contents and `expunged` rows stay for undelete. How many."""
    with changing(engine, is_rehearsal=is_rehearsal) as connection:
        lock(connection, account_id)
        count = 0
        for source, uids in _by_mailbox(read_tree(connection, account_id), entries):
            count += expunge_uids(connection, account_id, source.id, uids)
    return count


def _learn(
    connection: Connection,
    identifiers: IdentifierSource,
    account_id: int,
    source: Mailbox,
    target: Mailbox,
    moved: Sequence[Moved],
) -> None:
    is_spam = target.role is Role.JUNK
    # Out of Junk into Trash is tidying up, and says nothing about the mail.
    is_ham = source.role is Role.JUNK and target.role is not Role.TRASH
    if not moved or not (is_spam or is_ham):
        return
    fixed = {"account_id": account_id, "is_spam": is_spam}
    queued = [{**fixed, "id": identifiers.next(), "content_id": one.content_id} for one in moved]
    connection.execute(insert(training_queue), queued)
    marks = upsert(mark).values([{**fixed, "content_id": one.content_id, "source": "move"} for one in moved])
    renewed = {name: marks.excluded[name] for name in ("is_spam", "source", "marked_at")}
    connection.execute(marks.on_conflict_do_update(index_elements=["account_id", "content_id"], set_=renewed))


def _by_mailbox(tree: Sequence[Mailbox], entries: Sequence[Entry]) -> tuple[tuple[Mailbox, list[int]], ...]:
    uids: dict[int, list[int]] = {}
    for entry in entries:
        uids.setdefault(entry.mailbox_id, []).append(entry.uid)
    return tuple((found, sorted(set(uids[found.id]))) for found in tree if found.id in uids)


def _require_all(source: Mailbox, uids: Sequence[int], found: Sequence[int]) -> None:
    gone = sorted(set(uids) - set(found))
    if gone:
        raise NotFound(f"no message {source.path}:{gone[0]} any more", "nothing was moved; list again")


def _conditions(wanted: Wanted) -> Sequence[Any]:
    conditions: list[Any] = []
    if wanted.since is not None:
        conditions.append(message.c.internal_date >= wanted.since)
    if wanted.before is not None:
        conditions.append(message.c.internal_date < wanted.before)
    if wanted.message_id_hash is not None:
        conditions.append(content.c.message_id_hash == wanted.message_id_hash)
    return conditions


def _entries(account_id: int) -> Select[Any]:
    same = (content.c.account_id == message.c.account_id) & (content.c.id == message.c.content_id)
    return (
        select(
            *(message.c[name] for name in ("mailbox_id", "uid", "content_id", "flags", "keywords", "internal_date")),
            *(content.c[name] for name in ("sent_at", "delivered_size", "has_attachment", *COLUMNS)),
            content.c.spam_score,
        )
        .join(content, same)
        .where(message.c.account_id == account_id)
    )


def _content(row: Row[Any]) -> Content:
    found = of_row(row)
    return Content(
        id=row.id,
        account=row.address,
        shard=Shard(row.shard_id, row.shard_name, row.shard_url, ShardState(row.shard_state), row.shard_weight),
        segment=row.segment,
        offset=row.offset,
        length=row.length,
        size=row.size,
        delivered_size=row.delivered_size,
        digest=bytes(row.digest),
        structure=found.structure,
        prefix=found.prefix,
        forged_spans=found.forged_spans,
        thread_id=row.id if row.thread_id is None else row.thread_id,
        spam_score=row.spam_score,
        spam_reasons=found.spam_reasons or SpamReasons(),
        defects=found.defects,
        original_recipient=found.original_recipient or None,
        queue_id=found.queue_id or None,
        received_at=row.received_at,
        replica=_replica(row),
    )


def _replica(row: Row[Any]) -> tuple[Shard, Place] | None:
    if row.second_id is None:
        return None
    state = ShardState(row.second_state)
    second = Shard(row.second_id, row.second_name, row.second_url, state, row.second_weight)
    return second, Place(second.id, row.replica_segment, row.replica_offset, row.replica_length)
