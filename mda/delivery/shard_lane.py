"""The first stage of group commit: bodies to one shard, one fdatasync a batch, which then carries on to its rows.

One thread per shard and worker, the only writer of this worker's segments there, so that a disk that hangs holds up
only its own accounts. While a batch is under way the next one collects, and then waits for a moment for its company
(`mda.delivery.company`). A job goes on to its row only when `append` has returned its durable place (body before row).
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from mda.causes import Cause
from mda.delivery.commit_lane import CommitLane
from mda.delivery.company import Company
from mda.delivery.job import BatchLimits, Job, fail_all, in_time, located
from mda.delivery.lane_queue import LaneQueue
from mda.errors import MdaError, StorageFull, StorageUnavailable
from mda.logs import logger
from mda.storage.commits import CommitRecord
from mda.storage.encode import EncodedRecord, Encoder
from mda.storage.location import Location

HUNG_SECONDS = 5.0
"""A batch that is in hand for so long after the last of its deadlines is with a disk or a server that hangs; so are
commit records that nobody waits for."""

LATE_SECONDS = 10.0
"""For one batch: an admin is told, long before its senders' deadline."""

_REMEDIES = {
    Cause.STORAGE_UNAVAILABLE: "see the kernel's log for the disk's state",
    Cause.DATABASE_UNAVAILABLE: "see pg_stat_activity for what it waits for, and the disk of its WAL",
}


class Appender(Protocol):
    """What a shard lane asks of its segment writer."""

    def append(self, batch: Sequence[EncodedRecord]) -> tuple[Location, ...]: ...
    def note_commits(self, commits: Sequence[CommitRecord]) -> None: ...
    def flush_due(self, now: float) -> None: ...
    def close(self) -> None: ...


class ShardLane:
    """Takes jobs from any thread; `drain` and then `seal` end it. The segment writer is opened at the first job."""

    def __init__(
        self,
        shard_name: str,
        open_writer: Callable[[], Appender],
        encoder: Encoder,
        limits: BatchLimits,
        rows: CommitLane,
        on_told: Callable[[], object] = lambda: None,
    ) -> None:
        """`on_told` is called when all outcomes of a batch that are known have been told."""
        self._shard_name = shard_name
        self._open_writer = open_writer
        self._encoder = encoder
        self._limits = limits
        self._rows = rows
        self._on_told = on_told
        self._writer: Appender | None = None
        self._began_at = self._hangs_at = math.inf
        self._blames = Cause.STORAGE_UNAVAILABLE
        self._has_complained = False
        self._jobs = LaneQueue()
        self._thread = threading.Thread(target=self._run, name=f"shard-{shard_name}", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Takes a job; refuses it at once where the lane has not kept up, or its disk or the database hangs: what waits
        there is held in memory, long after its session has had its answer and is counted no more."""
        if time.monotonic() > self._hangs_at or not self._jobs.offer(job):
            job.fail(self._blames)

    def complain(self, after_seconds: float = 0) -> None:
        """Says what the lane waits for, once of each batch that has been in hand for so long."""
        if not self._has_complained and time.monotonic() >= self._began_at + after_seconds:
            self._has_complained = True
            cause = self._blames
            logger("delivery").error(
                "shard_late", shard=self._shard_name, cause=cause.name, waiting=len(self._jobs), remedy=_REMEDIES[cause]
            )

    def note(self, commits: Sequence[CommitRecord]) -> None:
        """From any thread: what the database has committed, written with an append or within a second."""
        if self._writer is not None:
            self._writer.note_commits(commits)

    def drain(self) -> None:
        """Writes what has been submitted and ends the thread. Commits may still be noted until `seal`."""
        self._jobs.close()
        self._thread.join()

    def seal(self) -> None:
        """After `drain`, and after the commit lanes have ended: the last commit records, then the seal."""
        if self._writer is None:
            return
        try:
            self._writer.close()
        except StorageUnavailable as error:
            logger("delivery").error(
                "shard_not_sealed", shard=self._shard_name, error=error.message, remedy=error.remedy
            )

    def _run(self) -> None:
        company = Company()
        while (taken := self._jobs.take(self._limits)) is not None:
            batch = self._jobs.gather(taken, company.expected, company.seconds, self._limits)
            began = self._began_at = time.monotonic()
            self._hangs_at = max([job.deadline for job in batch], default=began) + HUNG_SECONDS
            try:
                self._turn(batch)
            except StorageFull as error:
                self._refuse(batch, Cause.STORAGE_FULL, error)
            except StorageUnavailable as error:
                self._refuse(batch, Cause.STORAGE_UNAVAILABLE, error)
            except Exception:
                logger("delivery").exception("shard_lane_failed", shard=self._shard_name, messages=len(batch))
                fail_all(batch, Cause.INTERNAL_ERROR)
            finally:
                self._began_at = self._hangs_at = math.inf
                self._blames = Cause.STORAGE_UNAVAILABLE
                self._has_complained = False
                # Before anybody has a reply, so that nobody is counted who has come again.
                company.parted(len(batch) + len(self._jobs), time.monotonic() - began)
                self._on_told()

    def _turn(self, batch: Sequence[Job]) -> None:
        if jobs := in_time(batch):
            self._write(jobs)
        elif self._writer is not None:
            self._writer.flush_due(time.monotonic())

    def _write(self, batch: Sequence[Job]) -> None:
        if self._writer is None:
            self._writer = self._open_writer()
        encoded = self._encode(batch)
        locations = self._writer.append([record for _, record in encoded])
        durable: list[Job] = []
        for (job, record), location in zip(encoded, locations, strict=True):
            if job.twin is None:
                durable.append(located(job, record, location))
            else:
                job.twin.written(job.shard_id, record, location, durable.append)
        if durable:
            self._blames = Cause.DATABASE_UNAVAILABLE
            self._rows.carry(durable)

    def _encode(self, batch: Sequence[Job]) -> list[tuple[Job, EncodedRecord]]:
        """The records of the batch; a message that can't be recorded fails alone."""
        encoded = []
        for job in batch:
            try:
                record = self._encoder.encode_message(
                    job.raw,
                    received_at=job.received_at,
                    reverse_path=job.reverse_path,
                    targets=job.targets,
                    digest=job.raw_digest,
                )
            except MdaError as error:
                logger("delivery").error("message_not_recorded", shard=self._shard_name, error=error.message)
                job.fail(Cause.INTERNAL_ERROR)
            else:
                encoded.append((job, record))
        return encoded

    def _refuse(self, batch: Sequence[Job], cause: Cause, error: StorageUnavailable) -> None:
        logger("delivery").error(
            "shard_unavailable", shard=self._shard_name, messages=len(batch), cause=error.message, remedy=error.remedy
        )
        fail_all(batch, cause)
