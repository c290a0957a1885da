"""Rows that tests of the admin's operations begin with, and the sums that every operation must keep."""

import time
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, text, update

from mda import address as addresses
from mda.identifiers import IdentifierSource
from mda.metadata.directory import accounts, domains, shards
from mda.metadata.directory.accounts import Account, NewAccount
from mda.metadata.mailbox import mailboxes
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account_state, content, mailbox, message
from mda.metadata.schema.words import Flag

IDS = IdentifierSource()
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def make_account(engine: Engine, text: str = "anne@example.org") -> Account:
    """An account, with its domain and a shard where they are missing."""
    domain = text.rpartition("@")[2]
    if not shards.list_all(engine):
        shards.add(engine, IDS, "first", "file:///nowhere/shard")
    if domain not in [found.name for found in domains.list_all(engine)]:
        domains.add(engine, domain)
    return accounts.add(engine, IDS, NewAccount(addresses.parse(text)))


@dataclass(frozen=True, slots=True)
class Put:
    """A message that a test put into a mailbox."""

    uid: int
    content_id: int


def put(engine: Engine, account_id: int, path: str = "INBOX", **given: Any) -> Put:
    """Puts a message into a mailbox as a delivery does; `given` replaces columns of content and message."""
    size = given.pop("delivered_size", 100)
    flags = given.pop("flags", Flag(0))
    content_id = given.pop("content_id", None) or IDS.next()
    internal_date = given.pop("internal_date", NOW)
    keywords = given.pop("keywords", None)
    is_copy = given.pop("is_copy", False)
    row: dict[str, Any] = {
        "account_id": account_id,
        "id": content_id,
        "shard_id": shards.list_all(engine)[0].id,
        "segment": 1,
        "offset": 0,
        "length": 10,
        "size": size - 20,
        "delivered_size": size,
        "digest": b"\0" * 32,
        "envelope": b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "body_structure": b"",
        "structure": b"",
        "prefix": b"",
        "thread_id": content_id,
        "subject_base": "",
        "preview": "",
        "received_at": internal_date,
    }
    target = mailboxes.find(engine, account_id, path)
    is_mailbox = (mailbox.c.account_id == account_id) & (mailbox.c.id == target.id)
    with transaction(engine) as connection:
        modseq = connection.scalars(
            update(account_state)
            .where(account_state.c.account_id == account_id)
            .values(
                modseq=account_state.c.modseq + 1,
                bytes=account_state.c.bytes + size,
                message_count=account_state.c.message_count + 1,
            )
            .returning(account_state.c.modseq)
        ).one()
        uid = connection.scalars(
            update(mailbox)
            .where(is_mailbox)
            .values(
                uid_next=mailbox.c.uid_next + 1,
                message_count=mailbox.c.message_count + 1,
                unseen_count=mailbox.c.unseen_count + (0 if flags & Flag.SEEN else 1),
                bytes=mailbox.c.bytes + size,
                modseq=modseq,
            )
            .returning(mailbox.c.uid_next - 1)
        ).one()
        if not is_copy:
            connection.execute(insert(content).values(row | given))
        connection.execute(
            insert(message).values(
                account_id=account_id,
                mailbox_id=target.id,
                uid=uid,
                content_id=content_id,
                flags=flags,
                keywords=keywords,
                modseq=modseq,
                internal_date=internal_date,
            )
        )
    return Put(uid, content_id)


def assert_sums(engine: Engine, account_id: int) -> None:
    """The counters of mailboxes and account are what their messages add up to."""
    sums = (
        func.count(message.c.uid),
        func.count(message.c.uid).filter(message.c.flags.bitwise_and(1) == 0),
        func.coalesce(func.sum(content.c.delivered_size), 0),
    )
    joined = mailbox.outerjoin(
        message, (message.c.account_id == mailbox.c.account_id) & (message.c.mailbox_id == mailbox.c.id)
    ).outerjoin(content, (content.c.account_id == message.c.account_id) & (content.c.id == message.c.content_id))
    kept = (mailbox.c.message_count, mailbox.c.unseen_count, mailbox.c.bytes)
    per_mailbox = (
        select(mailbox.c.name, *kept, *sums)
        .select_from(joined)
        .where(mailbox.c.account_id == account_id)
        .group_by(mailbox.c.account_id, mailbox.c.id)
    )
    with transaction(engine) as connection:
        rows = connection.execute(per_mailbox).all()
        state = connection.execute(
            select(account_state.c.message_count, account_state.c.bytes).where(account_state.c.account_id == account_id)
        ).one()
        highest = connection.scalar(select(func.max(message.c.uid - mailbox.c.uid_next)).select_from(joined))
    for row in rows:
        assert tuple(row[1:4]) == tuple(row[4:7]), f"mailbox {row[0]}"
    assert tuple(state) == (sum(row[4] for row in rows), sum(row[6] for row in rows))
    assert highest is None or highest < 0, "a UID at or above UIDNEXT"


def wait_for_lock(connection: Connection, waiting: "Future[Any]") -> None:
    """Until another connection to this database waits for a lock; fails when `waiting` ends without one."""
    blocked = text(
        "SELECT count(*), pg_stat_clear_snapshot() FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    while not connection.execute(blocked).one()[0]:
        assert not waiting.done(), waiting.exception() or waiting.result()
        time.sleep(0.01)
