"""The database for one listing: a bare connection, read-only, without SQLAlchemy, whose import takes longer than the
listing may.

Statements are written once, with `:name` for a value, for both ways.
"""

import re
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mda.errors import InvalidValue, SettingsError
from mda.metadata.postgresql import embedded
from mda.metadata.postgresql.listing_driver import psycopg2
from mda.metadata.postgresql.server_errors import unavailable
from mda.settings import Settings

EMBEDDED = "embedded"
APPLICATION = "mda-cli"
KINDS = ("postgresql", "postgres")

LIMITS = """
SELECT set_config('statement_timeout', :limit, true) AS a, set_config('transaction_read_only', 'on', true) AS b
"""

_VALUE = re.compile(r"(?<!:):([a-z_]+)")


class Reader:
    def __init__(self, connection: "psycopg2.extensions.connection") -> None:
        self._connection = connection

    def rows(self, statement: str, **values: object) -> list[Any]:
        """Named tuples; DatabaseUnavailable for trouble, InvalidValue where it is a value's."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(_VALUE.sub(r"%(\1)s", statement.replace("%", "%%")), values)
                # Not by psycopg2.extras: it imports logging and more, for longer than the statement takes.
                row = namedtuple("row", [column.name for column in cursor.description or ()])  # type: ignore[misc]
                return [row._make(found) for found in cursor.fetchall()]
        except psycopg2.DataError as error:
            raise InvalidValue(f"PostgreSQL: {error.diag.message_primary}", "it can't hold such a value") from error
        except psycopg2.Error as error:
            raise unavailable(error) from error


@contextmanager
def reading(settings: Settings) -> Iterator[Reader]:
    """As `opened`, for reading alone; SettingsError where `mda init` has not been run."""
    if settings.database.url != EMBEDDED:
        with _connected(settings, settings.database.url) as reader:
            yield reader
        return
    embedded.require_made(Path(settings.data_dir))
    with (
        embedded.running(Path(settings.data_dir), settings.database.embedded_user) as url,
        _connected(settings, url) as reader,
    ):
        yield reader


@contextmanager
def _connected(settings: Settings, url: str) -> Iterator[Reader]:
    kind, separator, rest = url.partition("://")
    if not separator or kind.partition("+")[0] not in KINDS:
        raise SettingsError(
            "database.url is not a database URL of PostgreSQL", "write it as postgresql://user@host/name"
        )
    try:
        connection = psycopg2.connect(
            f"postgresql://{rest}",
            connect_timeout=settings.database.connect_timeout_seconds,
            application_name=APPLICATION,
        )
    except psycopg2.Error as error:
        raise unavailable(error) from error
    try:
        # Behind a transaction pooler as well: nothing outlives the transaction.
        reader = Reader(connection)
        reader.rows(LIMITS, limit=str(settings.database.statement_timeout_seconds * 1000))
        yield reader
    finally:
        connection.close()
