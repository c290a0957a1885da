"""A server's error as one line and a way out. The texts never hold SQL, parameters or a password."""

import psycopg2
from psycopg2 import errors

from mda.errors import DatabaseUnavailable

CHECK = "check that it runs and that database.url is right"

REMEDIES: tuple[tuple[type[psycopg2.Error], str], ...] = (
    (errors.UndefinedTable, "make the schema: mda init"),
    (errors.UndefinedColumn, "bring the schema up to date: mda init"),
    (errors.InsufficientPrivilege, "GRANT the database's user what it needs"),
    (errors.ReadOnlySqlTransaction, "point database.url at the primary"),
    (errors.QueryCanceled, "it is slow or locked; database.statement_timeout_seconds is the limit"),
    (errors.LockNotAvailable, "somebody holds the rows locked; try again"),
    (errors.DiskFull, "free space for PostgreSQL"),
    (errors.TooManyConnections, "raise max_connections in postgresql.conf"),
    (errors.RaiseException, "set fsync and full_page_writes to on in postgresql.conf and reload it"),
    (errors.InvalidSqlStatementName, "database.url must lead to the server itself, not to a transaction pooler"),
)


def unavailable(error: BaseException | None) -> DatabaseUnavailable:
    """The error as one line and a way out."""
    remedy = next((remedy for kind, remedy in REMEDIES if isinstance(error, kind)), CHECK)
    return DatabaseUnavailable(f"PostgreSQL: {_first_line(error)}", remedy)


def _first_line(error: BaseException | None) -> str:
    """The server's or libpq's own sentence: those name host, user and table, but no values and no password."""
    if isinstance(error, psycopg2.Error) and error.diag.message_primary:
        return error.diag.message_primary
    if isinstance(error, psycopg2.ProgrammingError):
        return "the connection parameters in database.url are not understood"  # libpq would quote them
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
