"""What a worker remembers of the directory: found addresses, never missing ones.

An answer is used for `hold_seconds` while the database is heard (`trust`, see `mda.delivery.listening`), and for
BRIEF_SECONDS else; no longer than until a rule for it ends. A change heard of makes all forgotten, one of a user's
weights the answers that lead to the account. Some are used briefly always, as what they rest on changes without a word:
the mailbox that a detail names, and the use of a domain with a quota.

An account's use of its quota is counted on: `Target.stored` adds what this worker stores, and sees by the account's
modseq when somebody else has changed it: then it is asked for anew.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from mda.address import Address
from mda.metadata.directory.changes import BRIEF_SECONDS, Word
from mda.metadata.directory.resolve import Resolved, Target

MOST_OCTETS = 64 << 20
"""Of a worker, about."""

ENTRY_OCTETS = 2_000
"""About, of an account's answer without its user's weights, of which there are up to 15 KB, and its rules."""

LARGEST_SHARE = 1 / 16
"""Of the octets: a larger answer, of a list of thousands, is not kept."""

MOST_VOUCHED = 100_000
"""Accounts; followers forget all before there are more, and hold but the last few thousand themselves."""


class _Entry(NamedTuple):
    asked_at: float
    until: float
    """Both by time.monotonic(); how long it holds while the database is heard."""
    answer: Resolved
    octets: int


class Remembered:
    """Used in one event loop."""

    def __init__(self, hold_seconds: float) -> None:
        self._hold_seconds = hold_seconds
        self._trusted_until = 0.0
        self._known: dict[Address, _Entry] = {}
        self._leading_to: dict[int, set[Address]] = {}
        """By account id, the keys of answers."""
        self._octets = 0
        self._vouched = set[int]()
        """Account ids for which followers may hold something, whether or not it is known here any more."""
        self._followers: list[tuple[Callable[[], object], Callable[[float], object]]] = []
        self.changes = 0
        """How often something was heard of: an answer is kept only where this is as it was before it was asked for."""

    def recall(self, key: Address) -> Resolved | None:
        """What is known of the address, given by its key, and may be used."""
        entry = self._known.get(key)
        if entry is None:
            return None
        now, answer = time.monotonic(), entry.answer
        is_heard = now < self._trusted_until and not any(map(_is_unheard, answer.targets))
        until = entry.until if is_heard else min(entry.until, entry.asked_at + BRIEF_SECONDS)
        if now < until and not any(target.is_outdated for target in answer.targets):
            return answer
        self._drop(key)
        return None

    def keep(self, key: Address, answer: Resolved, changes: int, asked_at: float) -> None:
        """An answer that was asked for at `asked_at` (time.monotonic()), when `self.changes` was `changes`."""
        if changes != self.changes or self._hold_seconds == 0:
            return
        self._drop(key)
        octets = sum(map(_octets, answer.targets))
        if octets > LARGEST_SHARE * MOST_OCTETS:
            return
        while self._known and self._octets + octets > MOST_OCTETS:
            self._drop(next(iter(self._known)))
        self._known[key] = _Entry(asked_at, asked_at + self._holds(answer), answer, octets)
        self._octets += octets
        for target in answer.targets:
            self._leading_to.setdefault(target.account_id, set()).add(key)

    def holds_until(self, key: Address, targets: tuple[Target, ...]) -> float:
        """Up to when (time.monotonic()) these targets may be accepted for the address, while the database is heard and
        whatever the message; 0 where that must be looked at each time, or they are not what is known now."""
        entry = self._known.get(key)
        if entry is None or entry.answer.targets is not targets:
            return 0.0
        if not all(map(_is_plain, targets)):
            return 0.0
        self._vouched.update(target.account_id for target in targets)
        if len(self._vouched) > MOST_VOUCHED:
            self._tell_to_forget()
            self._vouched.update(target.account_id for target in targets)
        return entry.until

    def follow(self, forget: Callable[[], object], trust: Callable[[float], object]) -> None:
        """Whoever has been told `holds_until` is told what this is told, after it."""
        self._followers.append((forget, trust))
        trust(self._trusted_until)

    def hear(self, word: Word) -> None:
        """What has changed is known no more."""
        self.changes += 1
        keys = [key for account_id in word.accounts for key in self._leading_to.get(account_id, ())]
        for key in keys:
            self._drop(key)
        if word.is_of_directory:
            self._known.clear()
            self._leading_to.clear()
            self._octets = 0
        if word.is_of_directory or not self._vouched.isdisjoint(word.accounts):
            self._tell_to_forget()

    def trust(self, until: float) -> None:
        """Up to then (time.monotonic()) a change would have been heard of."""
        self._trusted_until = until
        for _, trust in self._followers:
            trust(until)

    def _tell_to_forget(self) -> None:
        self._vouched.clear()
        for forget, _ in self._followers:
            forget()

    def _holds(self, answer: Resolved) -> float:
        """Seconds from now."""
        ends = [target.policies_until for target in answer.targets if target.policies_until]
        return min([self._hold_seconds, *(end - time.time() for end in ends)])

    def _drop(self, key: Address) -> None:
        entry = self._known.pop(key, None)
        if entry is None:
            return
        self._octets -= entry.octets
        for target in entry.answer.targets:
            keys = self._leading_to.get(target.account_id)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._leading_to[target.account_id]


def _octets(target: Target) -> int:
    """About what it takes in memory; its rules as pointers, as most have the same ones."""
    return ENTRY_OCTETS + len(target.user_weights or b"") + 8 * len(target.policies)


def _is_unheard(target: Target) -> bool:
    """Whether what it rests on may change without a word."""
    return bool(target.detail) or target.domain is not None


def _is_plain(target: Target) -> bool:
    """Whether it takes any message, and says so up to a change that is heard."""
    return target.is_enabled and not target.has_quota and not _is_unheard(target)
