"""Word of changes to the directory, as the database's triggers give it (migration 0008), and of users' weights, as
whoever writes those does.

Offers `Changes`, which owns one direct connection and belongs to one thread, but for `wake`. An answer of the directory
may be used longer than BRIEF_SECONDS only while somebody listens here.
"""

import os
import select
import threading
from typing import NamedTuple

from psycopg2 import extensions

from mda.errors import DatabaseUnavailable
from mda.metadata.postgresql.direct_connection import DirectConnection
from mda.metadata.postgresql.trouble import translated
from mda.settings import Database

APPLICATION = "mda-changes"
CHANNEL = "mda_directory"
WEIGHTS_CHANNEL = "mda_user_weights"
"""Carries the account's id."""

BRIEF_SECONDS = 1.0
"""For which an answer of the directory may be used where no change of it would be heard of."""

WATCHED = ("account", "address", "domain", "policy", "domain_quota")

SESSION = ("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",)

_IS_TOLD = """
SELECT NOT pg_is_in_recovery() AND count(*) = %s FROM pg_trigger
WHERE tgname = 'mda_directory_changed' AND tgenabled IN ('O', 'A') AND tgrelid = ANY (
    SELECT to_regclass(name) FROM unnest(%s) AS watched (name))
"""

NOT_TOLD = ("the directory's triggers are missing or disabled", "mda db upgrade, or ALTER TABLE ... ENABLE TRIGGER")


class Word(NamedTuple):
    """What has changed; false where nothing has."""

    is_of_directory: bool
    accounts: frozenset[int]
    """Ids of those whose weights are others now."""

    def __bool__(self) -> bool:
        return self.is_of_directory or bool(self.accounts)


SILENCE = Word(False, frozenset())
EVERYTHING = Word(True, frozenset())


class Changes:
    """Hears of changes from `listen` on; after trouble `listen` begins anew. `end` when done."""

    def __init__(self, url: str, limits: Database | None = None) -> None:
        self._connection = DirectConnection(url, limits or Database(), APPLICATION, SESSION)
        self._listening: extensions.connection | None = None
        self._lock = threading.Lock()
        self._alarm: int | None = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def listen(self) -> bool:
        """Begins to listen. False where the database has not all of the triggers, or some are disabled, and word of a
        change may never come. DatabaseUnavailable where it can't be asked."""
        self._listening = None
        self._connection.close()
        with translated(), self._connection.asking() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}; LISTEN {WEIGHTS_CHANNEL}")
            self._listening = cursor.connection
            return _is_told(cursor)

    def wait(self, seconds: float) -> Word:
        """After `listen`: what has changed since the last call; SILENCE after `seconds`, or when woken.
        DatabaseUnavailable where the connection is lost, by this call or by the next."""
        with translated():
            if not self._heard().notifies:
                self._sleep(seconds)
            self._heard().poll()
        return self._take()

    def beat(self) -> Word:
        """As `wait`, at once; asks the server, so that a connection that only seems to be there is found to be lost.
        DatabaseUnavailable also where `listen` would be False by now."""
        with translated(), self._connection.asking() as cursor:
            is_told = _is_told(cursor)
        if not is_told:
            raise DatabaseUnavailable(*NOT_TOLD)
        return self._take()

    def wake(self) -> None:
        """From any thread: the `wait` that is under way ends, and every later one does at once."""
        with self._lock:
            if self._alarm is not None:
                os.eventfd_write(self._alarm, 1)

    def end(self) -> None:
        """Ends the connection for good."""
        self._connection.close()
        with self._lock:
            alarm, self._alarm = self._alarm, None
            if alarm is not None:
                os.close(alarm)

    def _take(self) -> Word:
        told = self._heard().notifies
        if not told:
            return SILENCE
        said = [(notice.channel, notice.payload) for notice in told]
        told.clear()
        ids = [payload for channel, payload in said if channel == WEIGHTS_CHANNEL and payload.isdecimal()]
        # Without an id, which only a hand can leave out, it may be anybody's.
        return Word(len(ids) < len(said), frozenset(map(int, ids)))

    def _heard(self) -> extensions.connection:
        if self._listening is None:
            raise DatabaseUnavailable("nobody listens for changes of the directory")
        return self._listening

    def _sleep(self, seconds: float) -> None:
        waiting = select.poll()  # select.select refuses descriptors above 1023
        waiting.register(self._heard().fileno(), select.POLLIN)
        with self._lock:
            if self._alarm is not None:
                waiting.register(self._alarm, select.POLLIN)
        waiting.poll(1000 * seconds)


def _is_told(cursor: extensions.cursor) -> bool:
    cursor.execute(_IS_TOLD, (len(WATCHED), list(WATCHED)))
    return bool(cursor.fetchall()[0][0])
