"""Connections to PostgreSQL: SQLAlchemy engines, bare connections that go directly, and what we insist on.

Offers `database` (the URL to use, with the embedded server running where the settings ask for it), `make_engine`,
`connect`, `transaction`, `check_server` (version, encoding, primary) and `check_durability`. Every transaction
commits synchronously and has time limits. Trouble becomes `DatabaseUnavailable` (see `trouble`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from mda.errors import DatabaseUnavailable, SettingsError
from mda.metadata.postgresql import embedded
from mda.metadata.postgresql.postgresql_binaries import MINIMUM
from mda.metadata.postgresql.trouble import translated
from mda.settings import Database, Settings

EMBEDDED = "embedded"
APPLICATION = "mda"
DRIVER = "postgresql+psycopg2"
AUTOCOMMIT = "AUTOCOMMIT"
MILLISECONDS = "mda_milliseconds"
"""Execution option of our engines: the limit of a statement."""

KEEPALIVE_SECONDS = 15
KEEPALIVES_LOST = 3
"""A peer that answers none of so many is gone."""

DURABLE = ("fsync", "full_page_writes")
"""With one of them off, a crash of the machine may lose or tear what was acknowledged."""

LIMITS = (
    "SELECT set_config('synchronous_commit', 'on', true),"
    " set_config('statement_timeout', :milliseconds, true),"
    " set_config('idle_in_transaction_session_timeout', :milliseconds, true)"
)
"""For one transaction: a pooler gives the next one another session, and refuses such settings at connect."""


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the database, for as long as the block lasts."""
    if settings.database.url == EMBEDDED:
        with embedded.running(Path(settings.data_dir), settings.database.embedded_user) as url:
            yield url
    else:
        parse_url(settings.database.url)
        yield settings.database.url


def revive(settings: Settings) -> bool:
    """Whether the database is ours to keep running, had died, and has been started again."""
    if settings.database.url != EMBEDDED:
        return False
    return embedded.revive(Path(settings.data_dir), settings.database.embedded_user)


def parse_url(url: str) -> URL:
    """The URL for our driver; SettingsError, without its text (it may hold a password), for anything else."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(
            "database.url is not a database URL", "write it as postgresql://user:password@host:5432/name"
        ) from error
    kind = parsed.drivername.partition("+")[0]
    if kind not in ("postgresql", "postgres"):
        raise SettingsError(f"database.url names {kind}", "only postgresql:// is supported")
    return parsed.set(drivername=DRIVER)


def make_engine(url: str, limits: Database | None = None, application: str = APPLICATION) -> Engine:
    """An engine that also works behind a transaction-pooling pgbouncer: no setting outlives its transaction."""
    limits = limits or Database()
    engine = create_engine(
        parse_url(url),
        pool_pre_ping=True,
        connect_args=_connect_arguments(limits, application),
        execution_options={MILLISECONDS: _milliseconds(limits)},
    )

    @event.listens_for(engine, "begin")
    def _limit(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") != AUTOCOMMIT:
            connection.execute(text(LIMITS), {"milliseconds": options[MILLISECONDS]})

    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end of the block; trouble with PostgreSQL as `DatabaseUnavailable`."""
    with translated(), engine.begin() as connection:
        yield connection


def connect(url: str, limits: Database | None = None, application: str = APPLICATION) -> psycopg2.extensions.connection:
    """A bare connection that goes directly to the server, set up once for its whole life."""
    limits = limits or Database()
    parsed = parse_url(url)
    named = parsed.translate_connect_args(username="user", database="dbname")
    query = {key: value if isinstance(value, str) else ",".join(value) for key, value in parsed.query.items()}
    options = (
        f"-c synchronous_commit=on -c statement_timeout={_milliseconds(limits)}"
        f" -c idle_in_transaction_session_timeout={_milliseconds(limits)}"
    )
    arguments = {**named, **query, **_connect_arguments(limits, application), "options": options}
    with translated():
        connection: psycopg2.extensions.connection = psycopg2.connect(**arguments)
    return connection


def check_server(engine: Engine) -> None:
    """SettingsError unless the server is new enough and keeps UTF-8; DatabaseUnavailable for a standby."""
    with transaction(engine) as connection:
        version, shown, encoding, is_standby = connection.execute(
            text(
                "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
                " current_setting('server_encoding'), pg_is_in_recovery()"
            )
        ).one()
    if version < MINIMUM * 10_000:
        raise SettingsError(f"PostgreSQL is {shown}", f"version {MINIMUM} or newer is needed")
    if encoding != "UTF8":
        raise SettingsError(f"the database's encoding is {encoding}", "make one with: createdb -E UTF8 -T template0")
    if is_standby:
        raise DatabaseUnavailable("the database is a standby", "point database.url at the primary")


def check_durability(engine: Engine) -> None:
    """SettingsError where the server could forget what it has committed."""
    with transaction(engine) as connection:
        for name in DURABLE:
            if connection.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one() != "on":
                raise SettingsError(
                    f"PostgreSQL runs with {name} = off: a crash would lose mail that was accepted",
                    f"set {name} = on in postgresql.conf and reload it",
                )


def _connect_arguments(limits: Database, application: str) -> dict[str, Any]:
    return {
        "connect_timeout": limits.connect_timeout_seconds,
        "application_name": application,
        # A peer that vanished without a word is noticed before the statement's time is up.
        "tcp_user_timeout": _milliseconds(limits),
        # And while nothing is asked: what a firewall has forgotten is closed before the next question is put to it.
        "keepalives_idle": KEEPALIVE_SECONDS,
        "keepalives_interval": KEEPALIVE_SECONDS,
        "keepalives_count": KEEPALIVES_LOST,
    }


def _milliseconds(limits: Database) -> str:
    return str(limits.statement_timeout_seconds * 1000)
