"""What the surveys of all shards say together: which copies there are of a message, what was committed, what purged."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mda.maintenance.survey import Spot, Survey
from mda.metadata.mailbox.erasure import ALL_CONTENTS
from mda.metadata.mailbox.places import Key
from mda.storage.location import Location
from mda.storage.record import Target


@dataclass(frozen=True, slots=True)
class Copy:
    """One record's copy for one target."""

    shard_id: int
    location: Location
    target: Target
    sealed_at: int
    """0: it may still be on its way to its row."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Where the database had put a message."""

    mailbox_id: int
    uid: int


class Evidence:
    """The surveys, with what is asked of all of them."""

    def __init__(self, surveys: Iterable[tuple[int, Survey]]) -> None:
        self.surveys = {(shard_id, survey.segment): survey for shard_id, survey in surveys}
        self._purged = {key for survey in self.surveys.values() for key in survey.purges}
        self.commits: dict[Key, Commit] = {}
        for _, survey in sorted(self.surveys.items(), key=lambda item: item[1].segment):
            for account_id, mailbox_id, uid, content_id in survey.commits:
                self.commits[account_id, content_id] = Commit(mailbox_id, uid)

    def is_purged(self, key: Key) -> bool:
        return key in self._purged or (key[0], ALL_CONTENTS) in self._purged

    def unclaimed(self) -> dict[Key, Copy]:
        """Of every target without a row that was not purged, its newest copy."""
        found: dict[Key, Copy] = {}
        for copy in self._copies(lambda survey: survey.unclaimed):
            key = (copy.target.account_id, copy.target.content_id)
            if not self.is_purged(key) and (key not in found or found[key].location.segment < copy.location.segment):
                found[key] = copy
        return found

    def copies_of(self, keys: frozenset[Key]) -> dict[Key, list[Copy]]:
        """Copies that no row leads to, newest first."""
        found: dict[Key, list[Copy]] = {}
        for copy in self._copies(lambda survey: (*survey.copies, *survey.unclaimed)):
            key = (copy.target.account_id, copy.target.content_id)
            if key in keys:
                found.setdefault(key, []).append(copy)
        for copies in found.values():
            copies.sort(key=lambda copy: copy.location.segment, reverse=True)
        return found

    def _copies(self, spots_of: Callable[[Survey], Iterable[Spot]]) -> Iterator[Copy]:
        for (shard_id, segment), survey in self.surveys.items():
            for account_id, content_id, offset, length, receipt in spots_of(survey):
                target = Target(account_id, content_id, receipt)
                yield Copy(shard_id, Location(segment, offset, length), target, survey.sealed_at)
