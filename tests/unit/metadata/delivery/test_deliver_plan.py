"""Lock and store stay probes of keys on full tables, and the joins of the store stay linear in the batch.

As with the directory's, its plan is made once per connection: on empty tables, on tables that were never ANALYZEd,
and on tables that were.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from psycopg2 import extensions
from sqlalchemy import Engine, text

from mda.metadata.delivery.deliver_statements import (
    EXECUTE_LOCK,
    EXECUTE_LOCK_LONE,
    EXECUTE_STORE,
    EXECUTE_STORE_LONE,
    EXECUTE_STORE_PLAIN,
    SESSION,
)
from mda.metadata.delivery.delivery_literals import accounts, alone, arrays
from mda.metadata.postgresql.direct_connection import DirectConnection
from mda.settings import Database
from tests.unit.metadata.deliveries import IDS, digest, make_delivery
from tests.unit.metadata.plans import INDEX_SCANS, Node, explain, table_reads

ACCOUNTS = 2_000
MESSAGES = 10
"""Per account."""

BATCH = 200

FILL = f"""
SET session_replication_role = replica;
ALTER TABLE account_state SET (autovacuum_enabled = off); ALTER TABLE mailbox SET (autovacuum_enabled = off);
ALTER TABLE message SET (autovacuum_enabled = off); ALTER TABLE receipt SET (autovacuum_enabled = off);
INSERT INTO account_state (account_id) SELECT n FROM generate_series(1, {ACCOUNTS}) AS n;
INSERT INTO mailbox (account_id, id, name, role, uid_validity, uid_next)
    SELECT n, 1000 + n, 'INBOX', 'inbox', 1, 1 + {MESSAGES} FROM generate_series(1, {ACCOUNTS}) AS n;
INSERT INTO message (account_id, mailbox_id, uid, content_id, modseq, internal_date)
    SELECT a, 1000 + a, m, m, m, now() FROM generate_series(1, {ACCOUNTS}) AS a, generate_series(1, {MESSAGES}) AS m;
INSERT INTO receipt (account_id, digest, content_id, mailbox_id, uid, received_at)
    SELECT a, decode(lpad(to_hex(m), 32, '0'), 'hex'), m, 1000 + a, m, now()
    FROM generate_series(1, {ACCOUNTS}) AS a, generate_series(1, {MESSAGES}) AS m
"""

PROBES = {
    ("receipt", "receipt_pkey"): ["account_id", "digest"],
    ("mailbox", "mailbox_pkey"): ["account_id", "id"],
    ("mailbox", "mailbox_role_key"): ["account_id", "role"],
    ("account_state", "account_state_pkey"): ["account_id"],
    ("message", "message_pkey"): ["account_id", "mailbox_id", "uid"],
}
"""The only reads there may be, each with the columns that it is asked by."""

DELIVERIES_EACH = {EXECUTE_STORE: 2, EXECUTE_STORE_PLAIN: 1}
"""To each account of the batch."""

LOCKED_BY = ("account_state", "account_state_pkey")


@pytest.fixture
def prepared(engine: Engine, database_url: str) -> Iterator[extensions.connection]:
    """A connection whose plan was made while the tables were empty."""
    with closing(DirectConnection(database_url, Database(), "test", SESSION)) as direct:
        connection = direct.open()
        with connection.cursor() as cursor:
            for statement in DELIVERIES_EACH:
                batch = [make_delivery(1)]
                cursor.execute(f"{EXECUTE_LOCK % accounts(batch)}; {statement % arrays(batch)}")
            cursor.execute(f"{EXECUTE_LOCK_LONE % 1}; {EXECUTE_STORE_LONE % alone(make_delivery(1))}")
        with engine.begin() as filling:
            filling.execute(text(FILL))
        yield connection


def test_only_keys_are_probed_and_the_batch_is_never_squared(
    prepared: extensions.connection, engine: Engine, database_url: str
) -> None:
    _assert_probes_only(prepared)
    _assert_probes_only_when_new(database_url)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE account_state, mailbox, message, receipt, content"))
    _assert_probes_only(prepared)
    _assert_probes_only_when_new(database_url)


def _assert_probes_only_when_new(database_url: str) -> None:
    with closing(DirectConnection(database_url, Database(), "test", SESSION)) as direct:
        _assert_probes_only(direct.open())


def _assert_probes_only(connection: extensions.connection) -> None:
    for statement, each in DELIVERIES_EACH.items():
        # Every tenth is a redelivery, every seventh names a mailbox.
        batch = [
            make_delivery(
                1 + place // each,
                digest(1 + place % 2 if place % 10 == 0 else IDS.next()),
                **({"destination": 1001 + place // each} if place % 7 == 0 else {}),
            )
            for place in range(BATCH)
        ]
        nodes = _planned(connection, EXECUTE_LOCK % accounts(batch), statement % arrays(batch), BATCH)
        assert _probed(nodes) == PROBES.keys()
    found = set[tuple[str, str]]()
    for lone in (make_delivery(1, digest(IDS.next())), make_delivery(2, digest(1)), make_delivery(3, destination=1003)):
        found |= _probed(_planned(connection, EXECUTE_LOCK_LONE % lone.account_id, EXECUTE_STORE_LONE % alone(lone), 1))
    assert found == PROBES.keys()


def _planned(connection: extensions.connection, lock: str, store: str, most: int) -> Sequence[Node]:
    """The store's plan; nothing in it is done more often than `most` times, nor is what locks."""
    locking = table_reads(explain(connection, lock))
    assert [(read.kind in INDEX_SCANS, read.probe) for read in locking] == [(True, LOCKED_BY)], locking
    assert "(account_id " in locking[0].condition, locking
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(lock)
        nodes = explain(connection, store)
        cursor.execute("ROLLBACK")
    for node in nodes:
        assert node.rows_removed <= most, node
        assert node.loops <= most, node
    return nodes


def _probed(nodes: Sequence[Node]) -> set[tuple[str, str]]:
    """What was read, and only by keys."""
    reads = table_reads(nodes)
    for read in reads:
        assert read.kind in INDEX_SCANS, read
        assert all(f"({column} " in read.condition for column in PROBES[read.probe]), read
    return {read.probe for read in reads if read.loops}
