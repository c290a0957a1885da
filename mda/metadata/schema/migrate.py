"""Brings a database's schema to a revision, and says which one it has.

Runs alembic's API on a connection of its own; no alembic.ini is needed. Concurrent runs wait for each other (an
advisory lock, so this connection must be a direct one, not through a transaction pooler). Trouble with PostgreSQL is
`DatabaseUnavailable`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text

import mda
from mda.errors import Conflict, NotFound
from mda.metadata.postgresql.engine import MILLISECONDS
from mda.metadata.postgresql.trouble import translated

HEAD = "head"
BASE = "base"
LOCK_KEY = 0x6D64_615F_6D69_6772
"""Of the advisory lock: "mda_migr"."""


def upgrade(engine: Engine, revision: str = HEAD) -> None:
    """Applies every migration up to `revision`; nothing to do is no error."""
    with _locked(engine) as connection, _explained():
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str = BASE) -> None:
    """Takes migrations back down to `revision`. Rows of dropped tables are lost."""
    with _locked(engine) as connection, _explained():
        command.downgrade(_config(connection), revision)


def current(engine: Engine) -> str | None:
    """The database's revision; None for one without our schema."""
    with translated(), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The head revision of this version of the program."""
    head = ScriptDirectory(str(script_folder())).get_current_head()
    if head is None:  # pragma: no cover - a broken installation
        raise Conflict("the program's migrations are missing", "install mda again")
    return head


def require_current(engine: Engine) -> None:
    """Conflict unless the database has exactly this program's schema."""
    revision = current(engine)
    if revision != newest():
        raise Conflict(
            f"database schema is at revision {revision or 'none'}, this program needs {newest()}", "run: mda init"
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


@contextmanager
def _explained() -> Iterator[None]:
    """A revision that nobody knows is the admin's mistake."""
    try:
        yield
    except CommandError as error:
        raise NotFound(str(error), f"the newest is {newest()}") from error


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
