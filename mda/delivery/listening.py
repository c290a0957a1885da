"""A worker's ear to the directory's changes: a thread of its own, which keeps what the worker remembers true.

While the thread hears the database, what has been looked up may be used for long; a change heard of makes it forgotten,
one of a user's weights what is known of that account.
A connection that is only thought to be there tells of nothing: so the database is asked in every silence, and each
answer vouches for TRUST_SECONDS from when it was asked. Without one, or without the database's triggers, an answer of
the directory is used for a moment only, as `mda.delivery.remembered` has it.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from mda.errors import DatabaseUnavailable
from mda.logs import logger
from mda.metadata.directory.changes import EVERYTHING, NOT_TOLD, Word

BEAT_SECONDS = 5.0
TRUST_SECONDS = 10.0
AGAIN_SECONDS = 2.0


class Told(Protocol):
    """What is asked of `mda.metadata.directory.changes.Changes`."""

    def listen(self) -> bool: ...
    def wait(self, seconds: float) -> Word: ...
    def beat(self) -> Word: ...
    def wake(self) -> None: ...
    def end(self) -> None: ...


class Listening:
    """`on_change` and `on_trust` (until when, by time.monotonic()) are called from its thread."""

    def __init__(self, changes: Told, on_change: Callable[[Word], object], on_trust: Callable[[float], object]) -> None:
        self._changes = changes
        self._on_change = on_change
        self._on_trust = on_trust
        self._is_over = threading.Event()
        self._has_complained = False
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        self._is_over.set()
        self._changes.wake()
        self._thread.join(timeout=5)  # one that still waits for the server ends with the process, as a daemon

    def _run(self) -> None:
        try:
            while not self._is_over.is_set():
                try:
                    self._hear()
                except DatabaseUnavailable as error:
                    self._complain(error.message, error.remedy)
                except Exception:
                    logger("delivery").exception("listening_failed")
                self._is_over.wait(AGAIN_SECONDS)
        finally:
            self._changes.end()

    def _hear(self) -> None:
        """Until the connection is lost, or it is over."""
        asked_at = time.monotonic()
        if not self._changes.listen():
            self._complain(*NOT_TOLD)
            self._is_over.wait(BEAT_SECONDS)
            return
        self._has_complained = False
        self._on_change(EVERYTHING)  # whatever changed before somebody listened
        while not self._is_over.is_set():
            self._on_trust(asked_at + TRUST_SECONDS)
            self._pass_on(self._changes.wait(max(0.0, asked_at + BEAT_SECONDS - time.monotonic())))
            if time.monotonic() >= asked_at + BEAT_SECONDS:
                asked_at = time.monotonic()
                self._pass_on(self._changes.beat())

    def _pass_on(self, word: Word) -> None:
        if word:
            self._on_change(word)

    def _complain(self, cause: str, remedy: str) -> None:
        """Once until it is well again: the log is full of it where the database is away."""
        if not self._has_complained and not self._is_over.is_set():
            self._has_complained = True
            logger("delivery").warning("changes_not_heard", cause=cause, remedy=remedy)
