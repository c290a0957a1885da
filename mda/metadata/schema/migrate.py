"""Brings a database's schema to a revision, and says which one it has.

Runs alembic's API on a connection of its own; no alembic.ini is needed. Concurrent runs wait for each other (an
advisory lock, so this connection must be a direct one, not through a transaction pooler). Trouble with PostgreSQL is
`DatabaseUnavailable`.

A statement that changes a table waits for all transactions on it, and all later ones wait behind it: mail would wait
for somebody's forgotten psql. So it gives up after LOCK_WAIT, lets the others pass, and tries again.

A schema serves older programs too, as far back as its migration says (`serves`, the oldest revision whose program
works on it; without it, its own alone). The database remembers that beside its revision, since an older program does
not know the migration: so it can be started again while an upgrade is under way (expand, migrate, contract).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

import mda
from mda.errors import Conflict, DatabaseUnavailable, NotFound
from mda.metadata.postgresql.engine import MILLISECONDS, transaction
from mda.metadata.postgresql.trouble import translated

HEAD = "head"
BASE = "base"
LOCK_KEY = 0x6D64_615F_6D69_6772
"""Of the advisory lock: "mda_migr"."""

LOCK_WAIT = "1s"
LOCK_TRIES = 30
LOCK_PAUSE_SECONDS = 1.0

REMEMBERS = """
SELECT EXISTS (SELECT FROM pg_attribute
    WHERE attrelid = to_regclass('alembic_version') AND attname = 'serves' AND NOT attisdropped)
"""
"""Whether alembic's own table has the column yet (`migrations/env.py` adds it)."""

HOLDERS = """
SELECT pid, coalesce(nullif(application_name, ''), 'no name') AS application,
    extract(epoch FROM now() - xact_start)::int AS seconds
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1
"""


def upgrade(engine: Engine, revision: str = HEAD) -> None:
    """Applies every migration up to `revision`; nothing to do is no error."""
    with _locked(engine) as connection, _explained():
        _require_known(MigrationContext.configure(connection).get_current_revision())
        _patiently(connection, lambda: command.upgrade(_config(connection), revision))


def downgrade(engine: Engine, revision: str = BASE) -> None:
    """Takes migrations back down to `revision`. Rows of dropped tables are lost."""
    with _locked(engine) as connection, _explained():
        _require_known(MigrationContext.configure(connection).get_current_revision())
        _patiently(connection, lambda: command.downgrade(_config(connection), revision))


def planned(before: str | None, revision: str = HEAD, *, is_up: bool = True) -> tuple[str, ...]:
    """The migrations that `upgrade`, or else `downgrade`, would run on a database at `before`, in their order."""
    scripts = ScriptDirectory(str(script_folder()))
    here = before or BASE
    _require_known(before)
    with _explained():
        if is_up:
            return tuple(one.revision for one in scripts.iterate_revisions(revision, here))[::-1]
        return tuple(one.revision for one in scripts.iterate_revisions(here, revision))


def current(engine: Engine) -> str | None:
    """The database's revision; None for one without our schema."""
    with translated(), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@dataclass(frozen=True, slots=True)
class Fitness:
    """The database's schema beside this program's. `serves`: the oldest revision whose program works on it."""

    revision: str | None
    needed: str
    serves: str | None

    @property
    def is_current(self) -> bool:
        return self.revision == self.needed

    @property
    def is_served(self) -> bool:
        """Whether this program works on it: it is its own schema, or a later one that serves it still."""
        if self.revision is None or self.serves is None:
            return self.is_current
        return self.is_current or self.serves <= self.needed < self.revision


def fitness(engine: Engine) -> Fitness:
    """Whether this program works on the database's schema."""
    revision = current(engine)
    serves = None
    if revision is not None and revision != newest():
        with transaction(engine) as connection:
            if connection.execute(text(REMEMBERS)).scalar_one():
                serves = connection.execute(text("SELECT serves FROM alembic_version")).scalar_one()
    return Fitness(revision, newest(), serves)


def newest() -> str:
    """The head revision of this version of the program."""
    head = ScriptDirectory(str(script_folder())).get_current_head()
    if head is None:  # pragma: no cover - a broken installation
        raise Conflict("the program's migrations are missing", "install mda again")
    return head


def require_served(engine: Engine) -> None:
    """Conflict unless the database has this program's schema, or a later one that serves it still."""
    found = fitness(engine)
    if found.is_served:
        return
    is_later = found.revision is not None and found.revision > found.needed
    raise Conflict(
        f"database schema is at revision {found.revision or 'none'}, this program needs {found.needed}",
        "install the version that goes with it, or a later one" if is_later else "run: mda init",
    )


def script_folder() -> Path:
    """Of an installed package, else of a checkout."""
    package = Path(mda.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(script_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _require_known(revision: str | None) -> None:
    """Conflict for a database of a later program: the way from there is in that one."""
    known = {one.revision for one in ScriptDirectory(str(script_folder())).walk_revisions()}
    if revision is not None and revision not in known:
        raise Conflict(
            f"database schema is at revision {revision}, which this program does not know: it has {newest()} at most",
            "install the version that goes with it, or a later one",
        )


@contextmanager
def _explained() -> Iterator[None]:
    """A revision that nobody knows is the admin's mistake."""
    try:
        yield
    except (CommandError, RevisionError) as error:
        raise NotFound(str(error), f"the newest is {newest()}") from error


def _patiently(connection: Connection, migrate: Callable[[], None]) -> None:
    """Goes on with the migration that was not done; those before it stay (each is a transaction of its own)."""
    for tries_left in reversed(range(LOCK_TRIES)):
        connection.execute(text(f"SET lock_timeout = '{LOCK_WAIT}'"))
        connection.commit()
        try:
            migrate()
            return
        except OperationalError as error:
            connection.rollback()
            if not isinstance(error.orig, LockNotAvailable):
                raise
            if not tries_left:
                raise _held_up(connection) from error
        finally:
            connection.rollback()
            connection.execute(text("RESET lock_timeout"))
            connection.commit()
        time.sleep(LOCK_PAUSE_SECONDS)


def _held_up(connection: Connection) -> DatabaseUnavailable:
    oldest = connection.execute(text(HOLDERS)).one_or_none()
    if oldest is None:
        return DatabaseUnavailable("PostgreSQL: another transaction holds a table that is to be changed", "try again")
    return DatabaseUnavailable(
        f"PostgreSQL: a table that is to be changed was in use {LOCK_TRIES} times in turn; "
        f"the oldest transaction is that of process {oldest.pid} ({oldest.application}), {oldest.seconds} s old",
        f"let it end, or end it: SELECT pg_terminate_backend({oldest.pid}); then run this again",
    )


@contextmanager
def _locked(engine: Engine) -> Iterator[Connection]:
    """A connection that alone migrates this database, without a time limit: a migration may rewrite tables."""
    with translated(), engine.connect().execution_options(**{MILLISECONDS: "0"}) as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
        connection.commit()
        try:
            yield connection
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
            connection.commit()
