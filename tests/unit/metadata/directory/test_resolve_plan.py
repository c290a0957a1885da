"""Look-ups stay probes of keys in a large domain, whatever PostgreSQL believes about the tables.

A plan is made once per connection, so it is looked at for tables that were empty when it was made, for tables that
were never ANALYZEd, and for tables that were.
"""

from collections.abc import Iterator
from contextlib import closing

import pytest
from psycopg2 import extensions
from sqlalchemy import Engine, text

from mda.metadata.directory.resolve import APPLICATION
from mda.metadata.directory.resolve_statement import EXECUTE_RESOLVE, SESSION, DirectoryRow
from mda.metadata.postgresql.direct_connection import DirectConnection
from mda.settings import Database
from tests.unit.metadata.plans import INDEX_SCANS, Node, explain, table_reads

ACCOUNTS = 20_000
ALIASES = 30_000

# Keys to other tables are not checked here (that would take most of the test's time), and counts come from nobody.
FILL = f"""
SET session_replication_role = replica;
ALTER TABLE address SET (autovacuum_enabled = off); ALTER TABLE account SET (autovacuum_enabled = off);
ALTER TABLE account_state SET (autovacuum_enabled = off); ALTER TABLE mailbox SET (autovacuum_enabled = off);
INSERT INTO domain (name) VALUES ('example.org');
INSERT INTO account (id, address, shard_id)
    SELECT n, 'user' || n || '@example.org', 1 FROM generate_series(1, {ACCOUNTS}) AS n;
INSERT INTO account_state (account_id) SELECT n FROM generate_series(1, {ACCOUNTS}) AS n;
INSERT INTO mailbox (account_id, id, parent_id, name, uid_validity)
    SELECT n, 1, NULL, 'Lists', 1 FROM generate_series(1, {ACCOUNTS}) AS n
    UNION ALL SELECT n, 2, 1, 'Python', 1 FROM generate_series(1, {ACCOUNTS}) AS n;
INSERT INTO address (domain, local_part, account_id, kind)
    SELECT 'example.org', 'user' || n, n, 'account' FROM generate_series(1, {ACCOUNTS}) AS n
    UNION ALL
    SELECT 'example.org', 'alias' || n, 1 + n % {ACCOUNTS}, 'alias' FROM generate_series(1, {ALIASES}) AS n
"""

PLACES = "{1,2,3,4}"
DOMAINS = "{example.org,example.org,example.org,example.org}"
WITH_DETAIL = (
    PLACES,
    DOMAINS,
    "{user7,user8+lists/python,alias9,nobody}",
    '{"",user8,"",""}',
    '{"",Lists/Python,"",""}',
)
WITHOUT_DETAIL = (PLACES, DOMAINS, "{user7,user8,alias9,nobody}", '{"","","",""}', '{"","","",""}')

PROBES = {
    ("domain", "domain_pkey"): ["name"],
    ("address", "address_pkey"): ["domain", "local_part"],
    ("account", "account_pkey"): ["id"],
    ("account_state", "account_state_pkey"): ["account_id"],
    ("mailbox", "mailbox_name_key"): ["account_id", "parent_id", "name"],
    ("user_weights", "user_weights_pkey"): ["account_id"],
    ("policy", "policy_key"): ["account_id"],
    ("domain_quota", "domain_quota_pkey"): ["domain"],
}
"""The only reads there may be, each with the columns that it is asked by."""


@pytest.fixture
def prepared(engine: Engine, database_url: str) -> Iterator[extensions.connection]:
    """A connection whose plan was made while the tables were empty."""
    directory = DirectConnection(database_url, Database(), APPLICATION, SESSION)
    with closing(directory):
        connection = directory.open()
        assert [row.is_found for row in _answer(connection)] == [False] * 4
        with engine.begin() as filling:
            filling.execute(text(FILL))
        yield connection


def test_only_keys_are_probed(prepared: extensions.connection, engine: Engine, database_url: str) -> None:
    _assert_probes_only(prepared)
    _assert_probes_only_when_new(database_url)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE domain, address, account, account_state, mailbox"))
    _assert_probes_only(prepared)
    _assert_probes_only_when_new(database_url)


def _assert_probes_only_when_new(database_url: str) -> None:
    with closing(DirectConnection(database_url, Database(), APPLICATION, SESSION)) as directory:
        _assert_probes_only(directory.open())


def _assert_probes_only(connection: extensions.connection) -> None:
    assert [(row.account_id, row.detail_mailbox_id) for row in _answer(connection)] == [
        (7, None),
        (8, 2),
        (10, None),
        (None, None),
    ]
    reads = table_reads(explain(connection, EXECUTE_RESOLVE, WITH_DETAIL))
    for read in reads:
        assert read.kind in INDEX_SCANS, read
        assert read.rows_removed == 0, read
        asked_by = [column for column in PROBES[read.probe] if f"({column} " in read.condition]
        assert asked_by == PROBES[read.probe] or _is_anybody(read), read
        assert read.loops <= 4 * 3, read
    assert {read.probe for read in reads} == PROBES.keys()
    assert _mailbox_reads(connection, WITH_DETAIL) == 3  # two levels, and one below the last that finds nothing
    assert _mailbox_reads(connection, WITHOUT_DETAIL) == 0


def _is_anybody(read: Node) -> bool:
    """Whether a domain has any address: stops at the first, and runs only for the one that was not found."""
    return read.probe == ("address", "address_pkey") and "local_part" not in read.condition and read.loops == 1


def _mailbox_reads(connection: extensions.connection, parameters: tuple[str, ...]) -> int:
    reads = table_reads(explain(connection, EXECUTE_RESOLVE, parameters))
    return sum(read.loops for read in reads if read.table == "mailbox")


def _answer(connection: extensions.connection) -> list[DirectoryRow]:
    with connection.cursor() as cursor:
        cursor.execute(EXECUTE_RESOLVE, WITH_DETAIL)
        return [DirectoryRow._make(row) for row in cursor.fetchall()]
