"""What waits in front of a lane: bounded, filled from any thread, emptied by the lane's own, a batch at a time.

A SimpleQueue, whose waiting is done in C, as each message passes two of these: queue.Queue's condition costs more than
all else that a lane's thread does for a lone message, but for the disk and the database.
"""

import math
import queue
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from mda.delivery.job import BatchLimits, Job

DEPTH = 1000
"""Jobs that may wait in front of a lane before it refuses or blocks."""

IDLE_SECONDS = 0.5
"""How long a lane waits for a job before it looks after its own affairs."""

_FULL_SECONDS = 0.002
"""How long who must wait for room sleeps before it looks again."""


class LaneQueue:
    """At most about `depth` jobs: threads that come at the same moment may each find the last place free."""

    def __init__(self, depth: int = DEPTH) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._depth = depth
        self._wanted = math.inf
        self._enough: queue.SimpleQueue[None] = queue.SimpleQueue()

    def offer(self, job: Job) -> bool:
        """Takes a job unless it is full."""
        if self._jobs.qsize() >= self._depth:
            return False
        self._jobs.put(job)
        if self._jobs.qsize() >= self._wanted:
            self._enough.put(None)
        return True

    def put(self, job: Job) -> None:
        """Takes a job, and blocks while it is full."""
        while not self.offer(job):
            time.sleep(_FULL_SECONDS)

    def close(self) -> None:
        """No job comes any more: `take` says so behind the last one."""
        self._jobs.put(None)

    def take(self, limits: BatchLimits) -> tuple[Job, ...] | None:
        """What has arrived, in order: empty after IDLE_SECONDS without a job, None once it is closed and empty."""
        try:
            first = self._jobs.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            return ()
        return None if first is None else self.fill((first,), limits)

    def gather(self, taken: Sequence[Job], company: int, seconds: float, limits: BatchLimits) -> tuple[Job, ...]:
        """These, and what else has arrived when they are `company`, or after so long; at once where they are nobody, or
        have no room for more. Who brings the last one wakes us: each would be a thread more that wants the interpreter.
        """
        wanted = company - len(taken)
        if taken and wanted > 0 and _has_room(*_size(taken), limits):
            self._wanted = wanted
            deadline = time.monotonic() + seconds
            while self._jobs.qsize() < wanted and (left := deadline - time.monotonic()) > 0:
                with suppress(queue.Empty):
                    self._enough.get(timeout=left)
            self._wanted = math.inf
        return self.fill(taken, limits)

    def fill(self, taken: Sequence[Job], limits: BatchLimits) -> tuple[Job, ...]:
        """These, and what else has arrived, up to the limits; without waiting."""
        if self._jobs.empty():
            return tuple(taken)
        batch = list(taken)
        copies, octets = _size(batch)
        while _has_room(copies, octets, limits) and not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)
                break
            batch.append(job)
            copies += len(job.deliveries)
            octets += len(job.raw)
        return tuple(batch)

    def __len__(self) -> int:
        return self._jobs.qsize()

    def rest(self) -> Iterator[Job]:
        """What came after it was closed."""
        while not self._jobs.empty():
            if job := self._jobs.get():
                yield job


def _size(batch: Sequence[Job]) -> tuple[int, int]:
    """Copies and octets."""
    return sum([len(job.deliveries) for job in batch]), sum([len(job.raw) for job in batch])


def _has_room(copies: int, octets: int, limits: BatchLimits) -> bool:
    return copies < limits.copies and octets < limits.octets
