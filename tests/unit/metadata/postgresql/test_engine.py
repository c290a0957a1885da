"""Connections: their limits, what they insist on, and errors that show no password."""

import contextlib
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from mda.errors import DatabaseUnavailable, SettingsError
from mda.metadata.delivery.deliver import Committer
from mda.metadata.postgresql.engine import (
    check_durability,
    check_server,
    connect,
    database,
    make_engine,
    parse_url,
    transaction,
)
from mda.settings import Database, Settings
from tests.unit.metadata.deliveries import make_accounts, make_delivery

SETTINGS = "SELECT current_setting('synchronous_commit'), current_setting('statement_timeout')"


@pytest.fixture
def relaxed(engine: Engine) -> Engine:
    """A database whose own default would lose what was committed."""
    with engine.begin() as connection:
        connection.execute(text(f'ALTER DATABASE "{engine.url.database}" SET synchronous_commit = off'))
    engine.dispose()
    return engine


def test_every_transaction_commits_synchronously_and_has_limits(relaxed: Engine, database_url: str) -> None:
    with transaction(relaxed) as connection:
        assert connection.execute(text(SETTINGS)).one() == ("on", "30s")
        process = connection.execute(text("SELECT pg_backend_pid(), current_setting('application_name')")).one()
    assert process[1] == "mda"
    bare = connect(database_url, Database(statement_timeout_seconds=7))
    with contextlib.closing(bare), bare.cursor() as cursor:
        cursor.execute(SETTINGS)
        assert cursor.fetchone() == ("on", "7s")


def test_nothing_is_left_in_the_session_for_a_poolers_next_client(relaxed: Engine) -> None:
    with transaction(relaxed) as connection:
        connection.execute(text("SELECT 1"))
    raw = relaxed.raw_connection()
    with contextlib.closing(raw), contextlib.closing(raw.cursor()) as cursor:
        cursor.execute(SETTINGS)
        assert cursor.fetchone() == ("off", "0")


def test_a_transaction_is_all_or_nothing(engine: Engine) -> None:
    insert = text("INSERT INTO domain (name) VALUES (:name)")
    with transaction(engine) as connection:
        connection.execute(insert, {"name": "a.example"})
    with pytest.raises(IntegrityError), transaction(engine) as connection:
        connection.execute(insert, [{"name": "b.example"}, {"name": "a.example"}])
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT name FROM domain")).scalars().all() == ["a.example"]


def test_a_good_server_passes(engine: Engine) -> None:
    check_server(engine)
    check_durability(engine)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_server_that_could_forget_is_refused(engine: Engine, name: str) -> None:
    """The parameters are the server's, which other tests share, so the function that shows them is overlaid."""
    overlay(
        engine, "current_setting(asked text) RETURNS text", f"SELECT CASE asked WHEN '{name}' THEN 'off' ELSE 'on' END"
    )
    with pytest.raises(SettingsError, match=rf"{name} = off.*set {name} = on"):
        check_durability(engine)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_no_mail_is_stored_on_a_server_that_could_forget(engine: Engine, database_url: str, name: str) -> None:
    """Also where it was another server, or down, when the service began."""
    make_accounts(engine)
    overlay(
        engine, "current_setting(asked text) RETURNS text", f"SELECT CASE asked WHEN '{name}' THEN 'off' ELSE 'on' END"
    )
    with (
        contextlib.closing(Committer(database_url)) as committer,
        pytest.raises(DatabaseUnavailable, match=r"lose mail.*to on"),
    ):
        committer.commit([make_delivery()])


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ("CASE asked WHEN 'server_version_num' THEN '140021' ELSE 'x' END", "version 15 or newer"),
        ("CASE asked WHEN 'server_version_num' THEN '180000' ELSE 'SQL_ASCII' END", "createdb -E UTF8"),
    ],
)
def test_an_unfit_server_is_refused(engine: Engine, shown: str, message: str) -> None:
    overlay(engine, "current_setting(asked text) RETURNS text", f"SELECT {shown}")
    with pytest.raises(SettingsError, match=message):
        check_server(engine)


def test_a_standby_is_refused(engine: Engine) -> None:
    overlay(engine, "pg_is_in_recovery() RETURNS boolean", "SELECT true")
    with pytest.raises(DatabaseUnavailable, match="standby"):
        check_server(engine)


def overlay(engine: Engine, signature: str, body: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA overlay"))
        connection.execute(text(f"CREATE FUNCTION overlay.{signature} LANGUAGE sql AS $body${body}$body$"))
        connection.execute(
            text(f'ALTER DATABASE "{engine.url.database}" SET search_path = overlay, pg_catalog, public')
        )
    engine.dispose()


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://a:hunter2@b/c", "sqlite:///hunter2", "postgresql://h:p:x/hunter2"]
)
def test_what_is_no_url_of_ours_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsError, match=r"database\.url") as caught:
        parse_url(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2", "postgresql+psycopg"])
def test_each_spelling_of_the_scheme_is_our_driver(scheme: str) -> None:
    assert parse_url(f"{scheme}://u@h/d").drivername == "postgresql+psycopg2"


@pytest.fixture
def unreachable(tmp_path: Path) -> str:
    return f"postgresql://mda:hunter2@/mda?host={tmp_path}"


def test_a_server_that_is_not_there(unreachable: str) -> None:
    engine = make_engine(unreachable)
    for attempt in (lambda: connect(unreachable), lambda: check_server(engine)):
        with pytest.raises(DatabaseUnavailable, match=r"check that it runs") as caught:
            attempt()
        assert "hunter2" not in str(caught.value)
        assert caught.value.remedy


def test_a_wrong_parameter_is_not_shown(unreachable: str) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        connect(f"{unreachable}&hunter2=1")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("statement", "remedy"),
    [
        ("SELECT * FROM no_such_table", "mda init"),
        ("SELECT no_such_column FROM domain", "mda init"),
        ("SELECT pg_sleep(5)", "statement_timeout_seconds"),
        ("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(5)", "check that it runs"),
    ],
)
def test_trouble_names_its_way_out(database_url: str, statement: str, remedy: str) -> None:
    engine = make_engine(database_url, Database(statement_timeout_seconds=1))
    with pytest.raises(DatabaseUnavailable) as caught, transaction(engine) as connection:
        connection.execute(text(statement))
    assert remedy in caught.value.remedy
    assert isinstance(caught.value.__cause__, Exception)
    engine.dispose()


def test_a_locked_row_is_trouble_that_passes(engine: Engine) -> None:
    with engine.connect() as holder:
        holder.execute(text("LOCK TABLE domain"))
        with pytest.raises(DatabaseUnavailable, match="try again"), transaction(engine) as connection:
            connection.execute(text("LOCK TABLE domain NOWAIT"))


def test_the_settings_url_is_used_as_it_is(database_url: str) -> None:
    with database(Settings(database=Database(url=database_url))) as url, contextlib.closing(connect(url)) as found:
        assert isinstance(found, psycopg2.extensions.connection)
    with pytest.raises(SettingsError), database(Settings(database=Database(url="nonsense"))):
        pass
