"""The unit of group commit: one message on one shard, with one delivery per account.

Offers `Job`, what a batch of them may hold, and the splitting of a job whose accounts were partly locked. A job is
finished exactly once, with one outcome per delivery, in order.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from mda.causes import Cause
from mda.metadata.delivery.deliver import Delivery, Stored
from mda.storage.encode import EncodedRecord
from mda.storage.location import Location
from mda.storage.record import NO_RECEIPT, Target

if TYPE_CHECKING:
    from mda.delivery.twin import Twin

Outcomes = tuple[Stored | Cause, ...]


class Job(msgspec.Struct, frozen=True):
    shard_id: int
    raw: bytes
    reverse_path: str
    received_at: datetime
    deliveries: tuple[Delivery, ...]
    """Without a location until the shard lane has written the record."""
    deadline: float
    """time.monotonic() after which nobody waits for the outcome."""
    finish: Callable[[Outcomes], object]
    """Takes the outcomes; callable from any thread."""
    raw_digest: bytes | None = None
    """SHA-256 of `raw`; None: not known yet."""
    twin: "Twin | None" = None
    """Of a job that is one of two: the same message for the same accounts on a second shard."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """Whose copies the record holds."""
        return tuple([Target(row.account_id, row.content_id, row.receipt or NO_RECEIPT) for row in self.deliveries])

    @property
    def parsed_octets(self) -> int:
        """Of all its rows."""
        return sum([row.parsed_octets for row in self.deliveries])

    def fail(self, cause: Cause) -> None:
        self.finish((cause,) * len(self.deliveries))


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one batch may hold; one job always fits. A copy for each account counts: an alias makes many of one
    message, and a statement with all copies of a hundred such messages would not end in time."""

    copies: int
    octets: int


def in_time(batch: Iterable[Job]) -> tuple[Job, ...]:
    """Those that somebody waits for; the others fail. Postfix has been told 451 and will bring them again: to store
    them now would only keep a lane that has fallen behind from ever catching up."""
    now = time.monotonic()
    jobs = tuple(batch)
    if late := [job for job in jobs if job.deadline <= now]:
        fail_all(late, Cause.DEADLINE_PASSED)
        return tuple([job for job in jobs if job.deadline > now])
    return jobs


def fail_all(jobs: Iterable[Job], cause: Cause) -> None:
    for job in jobs:
        job.fail(cause)


def located(job: Job, record: EncodedRecord, location: Location) -> Job:
    """The job with its record's durable place in each delivery."""
    for delivery in job.deliveries:
        delivery.place_at(location.segment, location.offset, location.length, record.digest)
    return job


def still_busy(job: Job, outcomes: Sequence[Stored | Cause]) -> Job:
    """The part of a job whose accounts were locked; finishing it finishes the whole job, in the first order."""
    places = [place for place, outcome in enumerate(outcomes) if outcome is Cause.ACCOUNT_BUSY]

    def finish(later: Outcomes) -> None:
        merged = list(outcomes)
        for place, outcome in zip(places, later, strict=True):
            merged[place] = outcome
        job.finish(tuple(merged))

    return replace(job, deliveries=tuple(job.deliveries[place] for place in places), finish=finish)
