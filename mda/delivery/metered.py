"""Measures the two durable steps of group commit from outside: what a shard's writer and the database took for a batch.

The lanes know nothing of it. `Stopwatch` keeps, for each copy on its way, when and with how many others it was
committed, until the message's trace takes it.
"""

import time
from collections.abc import Callable, Sequence

import msgspec

from mda.causes import Cause
from mda.delivery.commit_lane import RowCommitter
from mda.delivery.job import Outcomes
from mda.delivery.shard_lane import Appender
from mda.metadata.delivery.deliver import Delivery
from mda.metrics import recorder
from mda.metrics.families import (
    APPEND_FAILURES,
    APPEND_RECORDS,
    APPEND_SECONDS,
    COMMIT_FAILURES,
    COMMIT_ROWS,
    COMMIT_SECONDS,
)
from mda.storage.commits import CommitRecord
from mda.storage.encode import EncodedRecord
from mda.storage.location import Location

UNCLAIMED = 20_000
"""Stamps that nobody has come for (deadlines passed) before all are thrown away."""


class Stamp(msgspec.Struct, frozen=True):
    """A batch of rows: `began` and `ended` by time.monotonic(), and how many copies it had."""

    began: float
    ended: float
    copies: int


class Stopwatch:
    """Written by the commit lanes, read by the event loop."""

    def __init__(self) -> None:
        self._stamps: dict[int, Stamp] = {}

    def stamp(self, batch: Sequence[Delivery], stamp: Stamp) -> None:
        if len(self._stamps) > UNCLAIMED:
            self._stamps.clear()
        for delivery in batch:
            self._stamps[delivery.content_id] = stamp

    def take(self, content_id: int) -> Stamp | None:
        return self._stamps.pop(content_id, None)


class MeteredCommitter:
    """Commits as the one inside does."""

    def __init__(self, inside: RowCommitter, lane: str, stopwatch: Stopwatch) -> None:
        self._inside = inside
        self._lane = lane
        self._stopwatch = stopwatch

    def commit(self, batch: Sequence[Delivery], lock_wait_seconds: float = 0) -> Outcomes:
        began = time.monotonic()
        recorder.observe(COMMIT_ROWS, len(batch), self._lane)
        try:
            outcomes = self._inside.commit(batch, lock_wait_seconds)
        except Exception:
            recorder.add(COMMIT_FAILURES, self._lane)
            raise
        finally:
            ended = time.monotonic()
            recorder.observe(COMMIT_SECONDS, ended - began, self._lane)
            self._stopwatch.stamp(batch, Stamp(began, ended, len(batch)))
        if Cause.DATABASE_UNAVAILABLE in outcomes or Cause.COMMIT_UNKNOWN in outcomes:
            recorder.add(COMMIT_FAILURES, self._lane)
        return outcomes

    def close(self) -> None:
        self._inside.close()


class MeteredAppender:
    """Appends as the one inside does."""

    def __init__(self, inside: Appender, shard: str) -> None:
        self._inside = inside
        self._shard = shard

    def append(self, batch: Sequence[EncodedRecord]) -> tuple[Location, ...]:
        began = time.monotonic()
        recorder.observe(APPEND_RECORDS, len(batch), self._shard)
        try:
            return self._inside.append(batch)
        except Exception:
            recorder.add(APPEND_FAILURES, self._shard)
            raise
        finally:
            recorder.observe(APPEND_SECONDS, time.monotonic() - began, self._shard)

    def note_commits(self, commits: Sequence[CommitRecord]) -> None:
        self._inside.note_commits(commits)

    def flush_due(self, now: float) -> None:
        self._inside.flush_due(now)

    def close(self) -> None:
        self._inside.close()


def metered(open_writer: Callable[[], Appender], shard: str) -> Callable[[], Appender]:
    return lambda: MeteredAppender(open_writer(), shard)
