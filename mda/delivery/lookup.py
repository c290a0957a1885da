"""Asking the directory without blocking the event loop: what is asked at the same time is one query.

A thread of its own owns the blocking `Directory` and closes it. Positive answers are remembered
(`mda.delivery.remembered`); a refusal never is, so that a new account gets its mail at once.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from mda.address import Address
from mda.causes import Cause
from mda.delivery.gathered import settle
from mda.delivery.remembered import Remembered
from mda.errors import DatabaseUnavailable
from mda.logs import logger
from mda.metadata.directory.resolve import Resolved, Target
from mda.metrics import recorder
from mda.metrics.families import LOOKUP_SECONDS

_MOST_AT_ONCE = 500


class AddressBook(Protocol):
    """The directory's part that look-ups need."""

    def resolve(self, addresses: Sequence[Address]) -> tuple[Resolved | Cause, ...]: ...
    def close(self) -> None: ...


class _Question(msgspec.Struct, frozen=True):
    address: Address
    answer: "asyncio.Future[Resolved | Cause]"


class Lookup:
    """Asynchronous, batching, remembering front of a directory. Use from one event loop."""

    def __init__(self, directory: AddressBook, remembered: Remembered, deadline_seconds: float) -> None:
        self._directory = directory
        self._remembered = remembered
        self._deadline_seconds = deadline_seconds
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="directory", daemon=True)
        self._thread.start()

    def recall(self, address: Address) -> Resolved | None:
        """The accounts behind an address, where they are remembered: good enough to take mail, not to refuse it."""
        return self._remembered.recall(address.key)

    def holds_until(self, address: Address, targets: tuple[Target, ...]) -> float:
        """Up to when (time.monotonic()) the address may be answered as now without asking; 0: each time anew."""
        return self._remembered.holds_until(address.key, targets)

    def follow(self, forget: Callable[[], object], trust: Callable[[float], object]) -> None:
        """Told when what `holds_until` has said holds no longer: see `Remembered.follow`."""
        self._remembered.follow(forget, trust)

    async def ask(self, address: Address) -> Resolved | Cause:
        """The accounts behind an address by a fresh answer, or why there are none: DATABASE_UNAVAILABLE also where the
        server hangs and answers nothing at all until the deadline."""
        changes, asked_at = self._remembered.changes, time.monotonic()
        question = _Question(address, self._loop.create_future())
        self._questions.put(question)
        alarm = self._loop.call_later(self._deadline_seconds, settle, question.answer, Cause.DATABASE_UNAVAILABLE)
        try:
            answer = await question.answer
        finally:
            alarm.cancel()
        if isinstance(answer, Resolved):
            self._remembered.keep(address.key, answer, changes, asked_at)
        return answer

    def close(self) -> None:
        """Ends the thread after what has been asked is answered."""
        self._questions.put(None)
        self._thread.join(timeout=5)  # one that still waits for the server ends with the process, as a daemon

    def _run(self) -> None:
        try:
            self._answer_all()
        finally:
            self._directory.close()

    def _answer_all(self) -> None:
        while (first := self._questions.get()) is not None:
            questions = [first]
            while len(questions) < _MOST_AT_ONCE and not self._questions.empty():
                question = self._questions.get()
                if question is None:
                    self._questions.put(None)
                    break
                questions.append(question)
            answers = self._ask([question.address for question in questions])
            self._loop.call_soon_threadsafe(_settle, questions, answers)

    def _ask(self, addresses: list[Address]) -> Sequence[Resolved | Cause]:
        began = time.monotonic()
        try:
            return self._directory.resolve(addresses)
        except DatabaseUnavailable as error:
            logger("delivery").error("directory_unavailable", cause=error.message, remedy=error.remedy)
            return [Cause.DATABASE_UNAVAILABLE] * len(addresses)
        except Exception:
            logger("delivery").exception("directory_failed")
            return [Cause.INTERNAL_ERROR] * len(addresses)
        finally:
            recorder.observe(LOOKUP_SECONDS, time.monotonic() - began)


def _settle(questions: Sequence[_Question], answers: Sequence[Resolved | Cause]) -> None:
    for question, answer in zip(questions, answers, strict=True):
        settle(question.answer, answer)
