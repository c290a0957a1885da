"""A direct connection with prepared statements: opened when needed, and again after trouble.

Offers `DirectConnection`, which the delivery lane and the directory share. It never goes through a transaction
pooler (the statements live in the server's session) and belongs to one thread. Each message to the server is a
transaction of its own. What to do after an error (try again, give up, doubt) is the caller's to know: it calls
`close`, and the next `open` starts afresh.
"""

import select
from collections.abc import Sequence
from contextlib import suppress

import psycopg2
from psycopg2 import extensions

from mda.metadata.postgresql.engine import connect
from mda.metadata.postgresql.trouble import translated
from mda.settings import Database

PLANNING = (
    # Planned once per connection, whatever the tables held then: every look-up is by a key, so a plan that scans a
    # table because it was small, or because nobody has counted it, is never wanted. Statements keep their part of it
    # by looking up behind LATERAL ... OFFSET 0, which the planner can turn into no other kind of join.
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET enable_bitmapscan = off",
    # A wrong guess of many rows would compile for longer than the statement takes.
    "SET jit = off",
)


class DirectConnection:
    """One connection, set up by `session` (statements, the PREPAREs among them) whenever it is opened."""

    def __init__(self, url: str, limits: Database, application: str, session: Sequence[str]) -> None:
        self._url = url
        self._limits = limits
        self._application = application
        self._session = "; ".join((*PLANNING, *session))
        self._connection: extensions.connection | None = None

    def open(self) -> extensions.connection:
        """The connection, which was there a moment ago; DatabaseUnavailable where none can be made."""
        if self._connection is not None and _is_stale(self._connection):
            self.close()
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def close(self) -> None:
        """Ends the connection; the next `open` makes another."""
        if self._connection is not None:
            with suppress(psycopg2.Error):
                self._connection.close()
            self._connection = None

    def _connect(self) -> extensions.connection:
        connection = connect(self._url, self._limits, self._application)
        connection.autocommit = True  # no BEGIN of psycopg2's
        try:
            with translated(), connection.cursor() as cursor:
                cursor.execute(self._session)
        except BaseException:
            connection.close()
            raise
        return connection


def _is_stale(connection: extensions.connection) -> bool:
    """Whether the server has said something unasked: mostly that it went away. Nothing was sent yet, so opening
    another connection is safe, where a failed send would leave its outcome unknown."""
    if connection.closed:
        return True
    poll = select.poll()  # select.select refuses descriptors above 1023
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
