"""The delivery lane's connection: runs lock and store as one transaction in one round trip, and says how it ended.

One direct connection, opened when needed and again after trouble; it belongs to one thread. It knows nothing of how
a batch is divided: a batch is stored as a whole or not at all.
"""

import random
import time
from collections.abc import Sequence
from typing import Any

import psycopg2
from psycopg2 import errors

from mda.causes import Cause
from mda.errors import CommitUnknown
from mda.identifiers import IdentifierSource
from mda.metadata.delivery.deliver_statements import (
    EXECUTE_LOCK,
    EXECUTE_LOCK_IMPATIENT,
    EXECUTE_LOCK_LONE,
    EXECUTE_LOCK_WAITING,
    EXECUTE_STORE,
    EXECUTE_STORE_LONE,
    EXECUTE_STORE_PLAIN,
    EXECUTE_STORE_TWICE,
    SESSION,
)
from mda.metadata.delivery.delivery_literals import accounts, alone, arrays, arrays_with_replicas
from mda.metadata.delivery.delivery_row import Delivery, Stored
from mda.metadata.delivery.missing_mailbox import make_missing
from mda.metadata.postgresql.direct_connection import DirectConnection
from mda.metadata.postgresql.trouble import translated, unavailable
from mda.metadata.schema.words import Role
from mda.settings import Database

APPLICATION = "mda-deliver"

ATTEMPTS = 5
"""For a transaction that PostgreSQL broke off in favour of another."""

BACKOFF_SECONDS = 0.02
MAKING_LOCK_WAIT_SECONDS = 0.2

BROKEN_OFF = (errors.DeadlockDetected, errors.SerializationFailure)
OF_ONE_ROW = (
    psycopg2.DataError,
    psycopg2.IntegrityError,
    errors.ProgramLimitExceeded,
    errors.DatatypeMismatch,
    ValueError,
    TypeError,
)


class RowLocked(Exception):
    """Somebody holds what a delivery of the batch needs beyond its account; nothing was stored."""


class RowRefused(Exception):
    """PostgreSQL refuses one delivery of the batch, it is not known which; nothing was stored."""


class StoreConnection:
    """Stores whole batches; after trouble the next call reconnects."""

    def __init__(self, url: str, limits: Database, identifiers: IdentifierSource) -> None:
        self._connection = DirectConnection(url, limits, APPLICATION, SESSION)
        self._identifiers = identifiers

    def store(
        self, batch: Sequence[Delivery], lock_wait_seconds: float, is_impatient: bool = False
    ) -> list[Stored | Cause | None]:
        """One outcome per delivery: stored, ACCOUNT_BUSY, ACCOUNT_GONE, or None where the account lacks the mailbox.

        Raises RowLocked, RowRefused, DatabaseUnavailable (nothing stored) or CommitUnknown.
        """
        try:
            rows = self._run(_statement(batch, lock_wait_seconds, is_impatient))
        except errors.LockNotAvailable as error:
            if lock_wait_seconds > 0:  # one locked account must not fail those that are free
                return self.store(batch, 0)
            raise RowLocked from error
        # Who waits gets every account that is there.
        absent = Cause.ACCOUNT_GONE if lock_wait_seconds > 0 else Cause.ACCOUNT_BUSY
        outcomes: list[Stored | Cause | None] = [absent] * len(batch)
        for row in rows:
            outcomes[row[0] - 1] = _stored(batch[row[0] - 1].account_id, row)
        return outcomes

    def make_mailbox(self, account_id: int, role: Role, lock_wait_seconds: float) -> None:
        """Gives the account the mailbox that it lacks; nothing happens while somebody else holds the account."""
        wait = _milliseconds(max(lock_wait_seconds, MAKING_LOCK_WAIT_SECONDS))
        with translated():
            self._connection.open()
            with self._connection.asking() as cursor:
                cursor.execute("BEGIN")
                try:
                    cursor.execute("SELECT set_config('lock_timeout', %s, true)", (wait,))
                    make_missing(cursor, account_id, role, self._identifiers)
                    cursor.execute("COMMIT")
                except (errors.LockNotAvailable, *BROKEN_OFF, psycopg2.IntegrityError):
                    cursor.execute("ROLLBACK")
                except psycopg2.Error:
                    self.close()
                    raise

    def close(self) -> None:
        """Ends the connection; the next call opens another."""
        self._connection.close()

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        attempts = 0
        while True:
            attempts += 1
            connection = self._connection.open()
            try:
                with self._connection.asking() as cursor:
                    cursor.execute(statement)
                    return cursor.fetchall()
            except errors.LockNotAvailable:
                raise
            except OF_ONE_ROW as error:
                raise RowRefused from error
            except psycopg2.Error as error:
                if connection.closed:
                    self.close()
                    cause = unavailable(error).message
                    raise CommitUnknown(f"a delivery was broken off: {cause}", "see PostgreSQL's log") from error
                if isinstance(error, BROKEN_OFF) and attempts < ATTEMPTS:
                    time.sleep(random.uniform(0, BACKOFF_SECONDS * attempts))  # noqa: S311 - only to part the rivals
                    continue
                self.close()  # whatever it is (a failover, a changed schema), the next call starts afresh
                raise unavailable(error) from error


def _statement(batch: Sequence[Delivery], lock_wait_seconds: float, is_impatient: bool) -> str:
    try:
        if _is_lone(batch) and not (lock_wait_seconds > 0 or is_impatient):
            return f"{EXECUTE_LOCK_LONE % batch[0].account_id}; {EXECUTE_STORE_LONE % alone(batch[0])}"
        return f"{_lock(batch, lock_wait_seconds, is_impatient)}; {_store(batch)}"
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise RowRefused from error  # no value that can be packed


def _is_lone(batch: Sequence[Delivery]) -> bool:
    return len(batch) == 1 and batch[0].replica is None


def _lock(batch: Sequence[Delivery], wait_seconds: float, is_impatient: bool) -> str:
    """The statement that locks the batch's accounts."""
    if wait_seconds > 0:
        return EXECUTE_LOCK_WAITING % (_milliseconds(wait_seconds), accounts(batch))
    return (EXECUTE_LOCK_IMPATIENT if is_impatient else EXECUTE_LOCK) % accounts(batch)


def _store(batch: Sequence[Delivery]) -> str:
    """The statement that stores the batch."""
    if any(delivery.replica for delivery in batch):
        return EXECUTE_STORE_TWICE % arrays_with_replicas(batch)
    is_plain = len({delivery.account_id for delivery in batch}) == len(batch)
    return (EXECUTE_STORE_PLAIN if is_plain else EXECUTE_STORE) % arrays(batch)


def _stored(account_id: int, row: tuple[Any, ...]) -> Stored | None:
    _, mailbox_id, name, uid, uid_validity, modseq, content_id, is_duplicate = row
    if mailbox_id is None:
        return None
    return Stored(account_id, mailbox_id, name, uid, uid_validity, modseq, content_id, is_duplicate)


def _milliseconds(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"
