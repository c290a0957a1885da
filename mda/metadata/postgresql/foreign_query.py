"""Rows of a query on somebody else's PostgreSQL: those who have their users elsewhere read them from there.

The transaction is read-only and its rows come in portions, so a million users take no memory to speak of.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import Column

from mda.errors import InvalidValue
from mda.metadata.postgresql.engine import connect
from mda.metadata.postgresql.trouble import translated
from mda.settings import Database

PORTION_ROWS = 2000
APPLICATION = "mda-import"


def rows(url: str, query: str, limits: Database | None = None) -> Iterator[dict[str, str]]:
    """Each row as text by column name; null as an empty text. InvalidValue for a query that PostgreSQL refuses,
    DatabaseUnavailable where the server can't be asked."""
    connection = connect(url, limits, APPLICATION)
    try:
        with translated(), _refusals():
            connection.set_session(readonly=True)
            with connection.cursor("mda_import") as cursor:
                cursor.itersize = PORTION_ROWS
                cursor.execute(query)
                names: list[str] = []
                for row in cursor:
                    names = names or _names(cursor.description or ())
                    yield {name: _text(value) for name, value in zip(names, row, strict=True)}
    finally:
        connection.close()


@contextmanager
def _refusals() -> Iterator[None]:
    """A query that PostgreSQL does not take is the admin's to mend, and no trouble with the server."""
    try:
        yield
    except (psycopg2.ProgrammingError, psycopg2.DataError, psycopg2.InternalError) as error:
        why = error.diag.message_primary or "it is empty"
        raise InvalidValue(f"PostgreSQL refuses the query: {why}", "try it in psql") from error


def _names(columns: Sequence[Column]) -> list[str]:
    names = [column.name for column in columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidValue(f"the query has two columns {twice}", "name each once")
    return names


def _text(value: object) -> str:
    return "" if value is None else str(value)
