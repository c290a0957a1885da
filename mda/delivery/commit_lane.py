"""The second stage of group commit: rows to the database, one transaction a batch.

One connection a lane: whoever brings a batch commits it (`carry`), and only what comes while another is at it waits for
the lane's own thread. Accounts that somebody else has locked are skipped by the first lane and go to the busy lane,
which waits for their lock, so that one locked mailbox delays no other. So do messages that are more than a batch by
themselves (a list's thousand copies), so that they delay nobody else's. A commit whose outcome is unknown is told as
temporary: the body stays, and the receipt answers the redelivery. Nothing is retried here that might have happened.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from mda.causes import Cause
from mda.delivery.job import BatchLimits, Job, Outcomes, fail_all, in_time, still_busy
from mda.delivery.lane_queue import LaneQueue
from mda.errors import CommitUnknown, DatabaseUnavailable, MdaError
from mda.logs import logger
from mda.metadata.delivery.deliver import Delivery, Stored

BUSY_LOCK_WAIT_SECONDS = 1.0

NoteCommits = Callable[[Sequence[tuple[Delivery, Stored]]], object]
"""Told of a batch's new rows, after their COMMIT and before the outcomes are told."""


class RowCommitter(Protocol):
    """What a commit lane asks of the database."""

    def commit(self, batch: Sequence[Delivery], lock_wait_seconds: float = 0) -> Outcomes: ...
    def close(self) -> None: ...


class CommitLane:
    """Takes located jobs from any thread. With a `busy` lane it skips locked accounts, without one it waits."""

    def __init__(
        self,
        committer: RowCommitter,
        limits: BatchLimits,
        note: NoteCommits,
        busy: "CommitLane | None" = None,
        on_told: Callable[[], object] = lambda: None,
    ) -> None:
        """`on_told` is called when its own thread has told all outcomes of a batch; others see to that themselves."""
        self._committer = committer
        self._limits = limits
        self._note = note
        self._busy = busy
        self._on_told = on_told
        self._is_closing = False
        self._at_work = threading.Lock()
        self._is_next = False
        self._jobs = LaneQueue()
        name = "commit" if busy else "commit-busy"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Takes a job; blocks where the lane is full, which holds up the shard lanes and with them the senders."""
        self._jobs.put(job)

    def carry(self, jobs: Sequence[Job]) -> None:
        """Commits a batch in the caller's thread (docs/decisions/0019-one-thread-a-batch.md), unless another batch is
        being committed or waits for the lane's own: then it waits behind that. Returns when it is committed or waits.
        """
        # A lock goes to whoever asks first when it is free: the lane's thread, woken by it, would come too late again
        # and again where shards are fast.
        is_free = not self._is_next and len(self._jobs) == 0
        if is_free and self._at_work.acquire(blocking=False):
            try:
                self._turn(jobs)
            finally:
                self._at_work.release()
        else:
            for job in jobs:
                self.submit(job)

    def close(self) -> None:
        """Commits what has been submitted, then ends. Call it on the first lane, then on its busy lane."""
        self._is_closing = True
        self._jobs.close()
        self._thread.join()
        fail_all(self._jobs.rest(), Cause.SHUTTING_DOWN)
        self._on_told()
        self._committer.close()

    def _run(self) -> None:
        while (taken := self._jobs.take(self._limits)) is not None:
            if not taken:
                continue
            self._is_next = True
            with self._at_work:
                self._is_next = False
                self._turn(self._jobs.fill(taken, self._limits))
            self._on_told()

    def _turn(self, taken: Sequence[Job]) -> None:
        batch = tuple([job for job in in_time(taken) if not self._hand_on(job)])
        if not batch:
            return
        try:
            self._commit(batch)
        except DatabaseUnavailable as error:
            self._refuse(batch, Cause.DATABASE_UNAVAILABLE, error)
        except CommitUnknown as error:
            self._refuse(batch, Cause.COMMIT_UNKNOWN, error)
        except Exception:
            logger("delivery").exception("commit_lane_failed", messages=len(batch))
            fail_all(batch, Cause.INTERNAL_ERROR)

    def _hand_on(self, job: Job) -> bool:
        """Whether the busy lane has taken this job, as too much work for a lane on which everybody waits."""
        if self._busy is None:
            return False
        is_heavy = len(job.deliveries) > self._limits.copies or job.parsed_octets > self._limits.octets
        return is_heavy and self._busy._offer(job)

    def _commit(self, batch: Sequence[Job]) -> None:
        deliveries = [delivery for job in batch for delivery in job.deliveries]
        started = time.monotonic()
        outcomes = self._committer.commit(deliveries, 0 if self._busy else BUSY_LOCK_WAIT_SECONDS)
        if self._busy is None and all(outcome is Cause.ACCOUNT_BUSY for outcome in outcomes):
            # Nothing went forward and, it may be, nothing was waited for: not the same question at once again.
            time.sleep(max(0.0, started + BUSY_LOCK_WAIT_SECONDS - time.monotonic()))
        told = zip(deliveries, outcomes, strict=True)
        if new := [(one, outcome) for one, outcome in told if isinstance(outcome, Stored) and not outcome.is_duplicate]:
            try:
                self._note(new)
            except Exception:  # only a rebuild from segments would miss it
                logger("delivery").exception("commits_not_noted", rows=len(new))
        position = 0
        for job in batch:
            end = position + len(job.deliveries)
            self._settle(job, outcomes[position:end])
            position = end

    def _settle(self, job: Job, outcomes: Outcomes) -> None:
        if Cause.ACCOUNT_BUSY in outcomes and time.monotonic() < job.deadline:
            self._wait_for_lock(job, outcomes)
        else:
            job.finish(outcomes)

    def _wait_for_lock(self, job: Job, outcomes: Outcomes) -> None:
        if not (self._busy or self)._offer(still_busy(job, outcomes)):
            job.finish(outcomes)

    def _offer(self, job: Job) -> bool:
        """Takes a job unless the lane is full or closing: who waits for locked accounts must not hold up others."""
        return not self._is_closing and self._jobs.offer(job)

    def _refuse(self, batch: Sequence[Job], cause: Cause, error: MdaError) -> None:
        logger("delivery").error(
            "rows_not_committed", cause=cause.name, messages=len(batch), error=error.message, remedy=error.remedy
        )
        fail_all(batch, cause)
