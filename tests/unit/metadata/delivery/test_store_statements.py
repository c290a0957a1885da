"""Which statement stores a batch, and that what it does is the same whichever it is."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from psycopg2 import extensions
from sqlalchemy import Engine, text

from mda.metadata.delivery.deliver import Committer, Delivery, Destination, Stored
from mda.metadata.delivery.deliver_statements import (
    EXECUTE_LOCK,
    EXECUTE_LOCK_LONE,
    EXECUTE_STORE,
    EXECUTE_STORE_LONE,
    EXECUTE_STORE_PLAIN,
    SESSION,
)
from mda.metadata.delivery.delivery_literals import accounts, alone, arrays
from mda.metadata.delivery.delivery_row import Replica
from mda.metadata.postgresql.direct_connection import DirectConnection
from mda.settings import Database
from tests.unit.metadata.deliveries import assert_consistent, digest, make_accounts, make_delivery

ACCOUNTS = 24
ROUNDS = 40
TABLES = ("account_state", "mailbox", "message", "content", "receipt", "replica")
KINDS = ("new", "known", "lacking", "locked", "gone", "named", "fallen back", "seen")
DETAIL, DELETED = 5, 6

# Every third account has a mailbox for details, every fourth had one, every fifth has no INBOX (or a deleted one).
SOME_MAILBOXES = f"""
INSERT INTO mailbox (account_id, id, name, uid_validity)
    SELECT n, {DETAIL}, 'detail', 2 FROM generate_series(3, {ACCOUNTS}, 3) AS n;
INSERT INTO mailbox (account_id, id, name, uid_validity, deleted_at)
    SELECT n, {DELETED}, 'deleted', 3, now() FROM generate_series(4, {ACCOUNTS}, 4) AS n;
INSERT INTO mailbox (account_id, id, name, role, uid_validity)
    SELECT n, 7, 'Junk', 'junk', 4 FROM generate_series(2, {ACCOUNTS}, 2) AS n;
DELETE FROM mailbox WHERE name = 'INBOX' AND account_id % 10 = 5;
UPDATE mailbox SET deleted_at = now() WHERE name = 'INBOX' AND account_id % 10 = 0
"""


@pytest.fixture
def connection(engine: Engine, database_url: str) -> Iterator[extensions.connection]:
    make_accounts(engine, ACCOUNTS)
    with engine.begin() as making:
        making.execute(text(SOME_MAILBOXES))
    with closing(DirectConnection(database_url, Database(), "test", SESSION)) as direct:
        yield direct.open()


@pytest.mark.parametrize(
    ("batch", "statement"),
    [
        ([make_delivery(2)], "mda_store_lone"),
        ([make_delivery(2), make_delivery(1), make_delivery(3)], "mda_store_plain"),
        ([make_delivery(2), make_delivery(1), make_delivery(2)], "mda_store"),
        ([make_delivery(1), make_delivery(2, replica=Replica(1, 1, 1, 1))], "mda_store_twice"),
        ([make_delivery(2, replica=Replica(1, 1, 1, 1))], "mda_store_twice"),
    ],
    ids=["alone", "distinct", "twice", "replica", "replica alone"],
)
def test_each_batch_takes_the_plainest_statement_that_fits(
    engine: Engine, database_url: str, batch: Sequence[Delivery], statement: str
) -> None:
    make_accounts(engine)
    with closing(Committer(database_url)) as committer:
        assert all(isinstance(outcome, Stored) for outcome in committer.commit(batch))
        with committer._connection._connection.asking() as cursor:
            cursor.execute("SELECT name FROM pg_prepared_statements WHERE generic_plans > 0 AND name LIKE '%store%'")
            assert cursor.fetchall() == [(statement,)]
    assert_consistent(engine)


def test_lone_statement_does_the_same(connection: extensions.connection, engine: Engine) -> None:
    chance = random.Random(6)
    kinds: Counter[str] = Counter()
    for _ in range(ROUNDS * 5):
        batch = a_batch(chance)[:1]
        with engine.connect() as holder:
            if chance.random() < 0.1:
                holder.execute(text(f"SELECT 1 FROM account_state WHERE account_id = {batch[0].account_id} FOR UPDATE"))
            general = after(connection, together(EXECUTE_STORE, batch), "ROLLBACK")
            lone = after(connection, by_itself(batch[0]), "COMMIT")
        assert lone == general
        kinds.update(kinds_of(batch[0], batch, lone[0]))
    assert kinds.keys() == set(KINDS)
    assert_consistent(engine)


def test_both_statements_do_the_same_to_distinct_accounts(connection: extensions.connection, engine: Engine) -> None:
    chance = random.Random(5)
    kinds: Counter[str] = Counter()
    for _ in range(ROUNDS):
        batch = a_batch(chance)
        with engine.connect() as holder:
            for account_id in chance.sample(range(1, ACCOUNTS + 1), chance.choice([0, 0, 5])):
                holder.execute(text(f"SELECT 1 FROM account_state WHERE account_id = {account_id} FOR UPDATE"))
            general = after(connection, together(EXECUTE_STORE, batch), "ROLLBACK")
            plain = after(connection, together(EXECUTE_STORE_PLAIN, batch), "COMMIT")
        assert plain == general
        kinds.update(kind for delivery in batch for kind in kinds_of(delivery, batch, plain[0]))
    assert kinds.keys() == set(KINDS)
    assert_consistent(engine)


def a_batch(chance: random.Random) -> list[Delivery]:
    """Distinct accounts, two of them gone, with receipts of which some are known by then."""
    accounts = chance.sample(range(1, ACCOUNTS + 3), chance.choice([1, 3, 12, ACCOUNTS]))
    return [
        make_delivery(
            account_id,
            chance.choice([None, digest(chance.randint(1, 20)), chance.randbytes(16)]),
            destination=chance.choice([*Destination, DETAIL, DELETED]),
            flags=chance.randint(0, 7),
            delivered_size=chance.randint(1, 9999),
            thread_id=chance.choice([None, 7]),
            preview="p" * chance.randint(0, 3000),
        )
        for account_id in accounts
    ]


def together(statement: str, batch: Sequence[Delivery]) -> str:
    """Lock and store of a batch."""
    return f"{EXECUTE_LOCK % accounts(batch)}; {statement % arrays(batch)}"


def by_itself(delivery: Delivery) -> str:
    """Lock and store of one."""
    return f"{EXECUTE_LOCK_LONE % delivery.account_id}; {EXECUTE_STORE_LONE % alone(delivery)}"


def after(connection: extensions.connection, statements: str, ending: str) -> tuple[list[Any], list[Any]]:
    """The last statement's rows in order of their place, and all rows of the tables behind it."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(statements)
        outcomes = sorted(cursor.fetchall())
        tables = []
        for table in TABLES:
            cursor.execute(f"SELECT '{table}', {table}::text FROM {table} ORDER BY 2")
            tables += cursor.fetchall()
        cursor.execute(ending)
    return outcomes, tables


def kinds_of(delivery: Delivery, batch: Sequence[Delivery], outcomes: Sequence[Any]) -> Iterator[str]:
    """What the statement had to do for the delivery."""
    outcome = {batch[row[0] - 1].account_id: row[1:] for row in outcomes}.get(delivery.account_id)
    if outcome is None:
        yield "gone" if delivery.account_id > ACCOUNTS else "locked"
        return
    mailbox_id, *_, is_duplicate = outcome
    yield "lacking" if mailbox_id is None else "known" if is_duplicate else "new"
    if mailbox_id is not None and not is_duplicate:
        if delivery.mailbox_id is not None:
            yield "named" if delivery.mailbox_id == mailbox_id else "fallen back"
        if delivery.flags & 1:
            yield "seen"
