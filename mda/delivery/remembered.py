"""What a worker remembers of the directory: found addresses, never missing ones.

An answer is used for `hold_seconds` while the database is heard (`trust`, see `mda.delivery.listening`), and for
BRIEF_SECONDS else. A change heard of makes all forgotten. Some answers are used briefly always, as what they rest on
changes without a word: the mailbox that a detail names, and the use of a domain with a quota.

An account's use of its quota is counted on: `Target.stored` adds what this worker stores, and sees by the account's
modseq when somebody else has changed it: then it is asked for anew.
"""

import time
from collections.abc import Callable

from mda.address import Address
from mda.metadata.directory.changes import BRIEF_SECONDS
from mda.metadata.directory.resolve import Resolved, Target

_ENTRIES = 4_000
"""An entry with a user's weights has up to 15 KB."""


class Remembered:
    """Used in one event loop."""

    def __init__(self, hold_seconds: float) -> None:
        self._hold_seconds = hold_seconds
        self._trusted_until = 0.0
        self._known: dict[Address, tuple[float, Resolved]] = {}
        self._followers: list[tuple[Callable[[], object], Callable[[float], object]]] = []
        self.changes = 0
        """How often all was forgotten: an answer is kept only where this is as it was before it was asked for."""

    def recall(self, key: Address) -> Resolved | None:
        """What is known of the address, given by its key, and may be used."""
        entry = self._known.get(key)
        if entry is None:
            return None
        asked_at, answer = entry
        now = time.monotonic()
        is_heard = now < self._trusted_until and not any(map(_is_unheard, answer.targets))
        seconds = self._hold_seconds if is_heard else min(self._hold_seconds, BRIEF_SECONDS)
        if now < asked_at + seconds and not any(target.is_outdated for target in answer.targets):
            return answer
        del self._known[key]
        return None

    def keep(self, key: Address, answer: Resolved, changes: int, asked_at: float) -> None:
        """An answer that was asked for at `asked_at` (time.monotonic()), when `self.changes` was `changes`."""
        if changes != self.changes or self._hold_seconds == 0:
            return
        if len(self._known) >= _ENTRIES:
            del self._known[next(iter(self._known))]
        self._known[key] = asked_at, answer

    def holds_until(self, key: Address, targets: tuple[Target, ...]) -> float:
        """Up to when (time.monotonic()) these targets may be accepted for the address, while the database is heard and
        whatever the message; 0 where that must be looked at each time, or they are not what is known now."""
        entry = self._known.get(key)
        if entry is None or entry[1].targets is not targets:
            return 0.0
        asked_at, answer = entry
        is_plain = not any(
            _is_unheard(target) or target.has_quota or not target.is_enabled for target in answer.targets
        )
        return asked_at + self._hold_seconds if is_plain else 0.0

    def follow(self, forget: Callable[[], object], trust: Callable[[float], object]) -> None:
        """Whoever has been told `holds_until` is told what this is told, after it."""
        self._followers.append((forget, trust))
        trust(self._trusted_until)

    def forget(self) -> None:
        """The directory has changed."""
        self.changes += 1
        self._known.clear()
        for forget, _ in self._followers:
            forget()

    def trust(self, until: float) -> None:
        """Up to then (time.monotonic()) a change would have been heard of."""
        self._trusted_until = until
        for _, trust in self._followers:
            trust(until)


def _is_unheard(target: Target) -> bool:
    """Whether what it rests on may change without a word."""
    return bool(target.detail) or target.domain is not None


def _is_plain(target: Target) -> bool:
    """Whether it takes any message, and says so up to a change that is heard."""
    return target.is_enabled and not target.has_quota and not _is_unheard(target)
