"""A direct connection with prepared statements: opened when needed, and again after trouble.

Offers `DirectConnection`, which the delivery lane and the directory share. It never goes through a transaction
pooler (the statements live in the server's session) and belongs to one thread. Each message to the server is a
transaction of its own. What to do after an error (try again, give up, doubt) is the caller's to know: it calls
`close`, and the next `open` starts afresh.
"""

import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg2
from psycopg2 import extensions

from mda.metadata.postgresql.engine import connect
from mda.metadata.postgresql.patience import Patience
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

STATEMENTS = 2
"""In one message to the server at most (lock, store), each with the whole of statement_timeout."""

GRACE_SECONDS = 5.0
"""For the server to say that a statement has taken too long."""


class DirectConnection:
    """One connection, set up by `session` (statements, the PREPAREs among them) whenever it is opened."""

    def __init__(self, url: str, limits: Database, application: str, session: Sequence[str]) -> None:
        self._url = url
        self._limits = limits
        self._application = application
        self._session = "; ".join((*PLANNING, *session))
        self._opened: tuple[extensions.connection, Patience] | None = None

    def open(self) -> extensions.connection:
        """The connection, which was there a moment ago; DatabaseUnavailable where none can be made."""
        if self._opened is not None and _is_stale(self._opened[0]):
            self.close()
        return self._ready()[0]

    @contextmanager
    def asking(self) -> Iterator[extensions.cursor]:
        """A cursor for one question: where the server says nothing for longer than its own limits allow, the
        connection is lost (psycopg2.OperationalError)."""
        connection, patience = self._ready()
        with patience, connection.cursor() as cursor:
            yield cursor

    def close(self) -> None:
        """Ends the connection; the next `open` makes another."""
        if self._opened is not None:
            connection, patience = self._opened
            self._opened = None
            patience.end()
            with suppress(psycopg2.Error):
                connection.close()

    def _ready(self) -> tuple[extensions.connection, Patience]:
        if self._opened is None:
            connection = connect(self._url, self._limits, self._application)
            seconds = STATEMENTS * self._limits.statement_timeout_seconds + GRACE_SECONDS
            opened = self._opened = connection, Patience(connection.fileno(), seconds)
            self._set_up(connection)
            return opened
        return self._opened

    def _set_up(self, connection: extensions.connection) -> None:
        connection.autocommit = True  # no BEGIN of psycopg2's
        try:
            with translated(), self.asking() as cursor:
                cursor.execute(self._session)
        except BaseException:
            self.close()
            raise


def _is_stale(connection: extensions.connection) -> bool:
    """Whether the server has said something unasked: mostly that it went away. Nothing was sent yet, so opening
    another connection is safe, where a failed send would leave its outcome unknown."""
    if connection.closed:
        return True
    poll = select.poll()  # select.select refuses descriptors above 1023
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
