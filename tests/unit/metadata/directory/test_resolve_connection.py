"""The directory's own connection: losing it costs no look-up, and whatever else happens is DatabaseUnavailable."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mda.address import Address
from mda.causes import Cause
from mda.errors import DatabaseUnavailable
from mda.metadata.directory.resolve import APPLICATION, Directory, Resolved
from mda.settings import Database

ANSWERS = (Cause.UNKNOWN_RECIPIENT,)
QUESTION = (Address("nobody", "example.org"),)

PATIENCE_SECONDS = 10

ROWS = """
INSERT INTO shard (id, name, url) VALUES (1, 'first', 'file:///1');
INSERT INTO domain (name) VALUES ('example.org');
INSERT INTO account (id, address, shard_id) VALUES (1, 'anne@example.org', 1);
INSERT INTO account_state (account_id) VALUES (1);
INSERT INTO address (domain, local_part, account_id, kind) VALUES ('example.org', 'anne', 1, 'account')
"""

OURS = "FROM pg_stat_activity WHERE application_name = :application AND datname = current_database()"


@pytest.fixture
def directory(engine: Engine, database_url: str) -> Iterator[Directory]:
    with engine.begin() as connection:
        connection.execute(text(ROWS))
    with closing(Directory(database_url)) as directory:
        yield directory


def ours(engine: Engine, columns: str, condition: str = "") -> list[object]:
    """Of the directory's connections as the server sees them."""
    with engine.begin() as connection:
        found = connection.execute(text(f"SELECT {columns} {OURS} {condition}"), {"application": APPLICATION})
        return list(found.scalars())


def end_connection(engine: Engine) -> None:
    assert ours(engine, "pg_terminate_backend(pid, 10000)") == [True]


def end_while_it_waits(engine: Engine, but: object = None) -> object:
    """Ends the connection once it waits for a lock; its process id. `but` is one that is known to be gone."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        waiting = [pid for pid in ours(engine, "pid", "AND wait_event_type = 'Lock'") if pid != but]
        if waiting:
            end_connection(engine)
            return waiting[0]
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_one_connection_serves_all_questions(directory: Directory, engine: Engine) -> None:
    assert directory.resolve(QUESTION) == ANSWERS
    first = ours(engine, "pid")
    assert directory.resolve(QUESTION * 3) == ANSWERS * 3
    assert len(first) == 1
    assert ours(engine, "pid") == first
    directory.close()
    assert directory.resolve(QUESTION) == ANSWERS
    assert ours(engine, "pid") != first


def test_a_connection_lost_while_idle_is_replaced(directory: Directory, engine: Engine) -> None:
    assert directory.resolve(QUESTION) == ANSWERS
    end_connection(engine)
    assert directory.resolve(QUESTION) == ANSWERS


def test_a_connection_lost_on_the_way_is_replaced_once(directory: Directory, engine: Engine) -> None:
    assert directory.resolve(QUESTION) == ANSWERS
    with ThreadPoolExecutor(1) as owner:
        with engine.connect() as holder:
            holder.execute(text("LOCK TABLE address IN ACCESS EXCLUSIVE MODE"))
            answers = owner.submit(directory.resolve, QUESTION)
            end_while_it_waits(engine)
        assert answers.result(PATIENCE_SECONDS) == ANSWERS
        with engine.connect() as holder:
            holder.execute(text("LOCK TABLE address IN ACCESS EXCLUSIVE MODE"))
            answers = owner.submit(directory.resolve, QUESTION)
            end_while_it_waits(engine, but=end_while_it_waits(engine))
            with pytest.raises(DatabaseUnavailable):
                answers.result(PATIENCE_SECONDS)
        assert directory.resolve(QUESTION) == ANSWERS


def test_a_schema_that_changed_is_trouble_once(directory: Directory, engine: Engine) -> None:
    """A prepared statement can't give other types than those it was prepared for."""
    assert directory.resolve(QUESTION) == ANSWERS
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE account_state ALTER bytes TYPE integer"))
    with pytest.raises(DatabaseUnavailable):
        directory.resolve(QUESTION)
    assert directory.resolve(QUESTION) == ANSWERS


def test_a_session_that_was_swapped_by_a_pooler_is_named(directory: Directory) -> None:
    assert directory.resolve(QUESTION) == ANSWERS
    with directory._connection.open().cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    with pytest.raises(DatabaseUnavailable, match="pooler"):
        directory.resolve(QUESTION)
    assert directory.resolve(QUESTION) == ANSWERS


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    nowhere = Directory(f"postgresql://mda:secret@/mda?host={tmp_path}", Database(connect_timeout_seconds=1))
    with pytest.raises(DatabaseUnavailable) as caught:
        nowhere.resolve(QUESTION)
    assert "secret" not in str(caught.value)


def test_a_database_without_our_tables_is_unavailable(postgresql_url: str) -> None:
    with closing(Directory(postgresql_url)) as directory, pytest.raises(DatabaseUnavailable, match="mda init"):
        directory.resolve(QUESTION)


def test_defaults_of_the_database_do_not_matter(directory: Directory, engine: Engine) -> None:
    name = engine.url.database
    with engine.begin() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_isolation = serializable'))
        connection.execute(text(f'ALTER DATABASE "{name}" SET jit = on'))
        connection.execute(text(f'ALTER DATABASE "{name}" SET plan_cache_mode = force_custom_plan'))
    (answer,) = directory.resolve([Address("anne", "example.org")])
    assert isinstance(answer, Resolved)
    with directory._connection.open().cursor() as cursor:
        cursor.execute("SELECT current_setting(name) FROM unnest(%s) AS name", (["transaction_isolation", "jit"],))
        assert [row[0] for row in cursor.fetchall()] == ["read committed", "off"]
        cursor.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements")
        assert cursor.fetchall() == [(1, 0)]
