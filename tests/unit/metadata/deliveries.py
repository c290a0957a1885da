"""Deliveries for tests, the accounts they go to, and what must hold of the rows afterwards."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

from mda.identifiers import IdentifierSource
from mda.metadata.delivery.deliver import Delivery, Destination

IDS = IdentifierSource()
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

ACCOUNTS = """
INSERT INTO shard (id, name, url) VALUES (1, 'first', 'file:///nowhere');
INSERT INTO account (id, address, shard_id)
    SELECT n, 'user' || n || '@example.org', 1 FROM generate_series(1, :count) AS n;
INSERT INTO account_state (account_id, next_uid_validity) SELECT n, 2 FROM generate_series(1, :count) AS n;
INSERT INTO mailbox (account_id, id, name, role, uid_validity)
    SELECT n, 1000 + n, 'INBOX', 'inbox', 1 FROM generate_series(1, :count) AS n
"""

WRONG_MAILBOXES = """
SELECT mailbox.account_id, mailbox.name FROM mailbox LEFT JOIN LATERAL (
    SELECT count(*) AS messages, coalesce(sum(delivered_size), 0) AS octets, coalesce(max(uid), 0) AS last_uid,
        count(*) FILTER (WHERE flags & 1 = 0) AS unseen, coalesce(max(message.modseq), 0) AS modseq,
        count(DISTINCT uid) AS uids
    FROM message JOIN content ON (content.account_id, content.id) = (message.account_id, message.content_id)
    WHERE (message.account_id, message.mailbox_id) = (mailbox.account_id, mailbox.id)
) AS found ON true
WHERE (message_count, bytes, uid_next, unseen_count) <> (messages, octets, last_uid + 1, unseen)
    OR mailbox.modseq < found.modseq OR uids <> messages OR last_uid <> messages
"""

WRONG_ACCOUNTS = """
SELECT account_state.account_id FROM account_state LEFT JOIN LATERAL (
    SELECT coalesce(sum(message_count), 0) AS messages, coalesce(sum(bytes), 0) AS octets,
        coalesce(max(mailbox.modseq), 0) AS modseq
    FROM mailbox WHERE mailbox.account_id = account_state.account_id
) AS found ON true
WHERE (message_count, bytes) <> (messages, octets) OR account_state.modseq <> found.modseq
"""


def make_accounts(engine: Engine, count: int = 3) -> None:
    """Accounts 1 to `count`, each with an INBOX (id 1000 + account), on shard 1."""
    with engine.begin() as connection:
        connection.execute(text(ACCOUNTS), {"count": count})


def make_delivery(account_id: int = 1, receipt: bytes | None = None, **given: Any) -> Delivery:
    """A delivery to INBOX; `given` replaces fields."""
    fields: dict[str, Any] = {
        "content_id": IDS.next(),
        "destination": Destination.INBOX,
        "internal_date": NOW,
        "shard_id": 1,
        "segment": 7,
        "offset": 0,
        "length": 900,
        "digest": b"\x01" * 32,
        "size": 1000,
        "delivered_size": 1100,
        "envelope": b"(NIL)",
        "body_structure": b"(NIL)",
        "structure": b"\x01",
        "prefix": b"Return-Path: <>\r\n",
        "received_at": NOW,
    }
    return Delivery(account_id=account_id, receipt=receipt, **(fields | given))


def digest(number: int) -> bytes:
    """The receipt digest of the `number`-th message."""
    return number.to_bytes(16, "big")


def count(engine: Engine, table: str) -> int:
    with engine.begin() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def assert_consistent(engine: Engine) -> None:
    """Counters equal the rows, UIDs are 1, 2, 3 ..., every message has its content."""
    with engine.begin() as connection:
        assert connection.execute(text(WRONG_MAILBOXES)).all() == []
        assert connection.execute(text(WRONG_ACCOUNTS)).all() == []
    assert count(engine, "message") == count(engine, "content")
