"""Appends batches of records to a shard, durably: one writer per worker and shard, in a thread of its own.

Each writer has its own segments and never touches another's, nor one of an earlier run. A segment is sealed when it
is full or old, when the writer closes, and after any trouble. What callers see of trouble is StorageFull (ENOSPC,
EDQUOT) or StorageUnavailable (anything else); the next append begins a fresh segment, so that recovery needs no
restart. A batch whose write or sync failed is tried once more in a fresh segment, unless the disk is full or broken
(EIO). Records of a batch that failed may stay in the old segment behind its sealed length, where nobody looks.
"""

import errno
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from mda.errors import MdaError, StorageFull, StorageUnavailable
from mda.identifiers import IdentifierSource
from mda.storage import unwritable
from mda.storage.commits import CommitRecord
from mda.storage.encode import EncodedRecord, Encoder
from mda.storage.location import Location
from mda.storage.pending import PendingCommits
from mda.storage.seal import SealReason
from mda.storage.segment import NO_SPACE, OpenSegment, create_segment
from mda.storage.shard import Shard, open_shard
from mda.storage.syscalls import Syscalls

FLUSH_AFTER_SECONDS = 0.5
"""Commit records are on disk within a second when `flush_due` is called twice a second."""

SEGMENT_BYTES = 67_108_864
SEGMENT_AGE_SECONDS = 3600.0
_MAX_UNSEALED = 8
_HOPELESS = (*NO_SPACE, errno.EIO)


class SegmentWriter:
    """Used by the one thread that owns it, but for `note_commits`, which any thread may call.

    `on_trouble` is told of each segment that is given up, also when the second attempt then succeeds. Commit records go
    with the first append that is `gather_seconds` after the first of them: to make one costs about as much as to make
    a small message's.
    """

    def __init__(
        self,
        shard: Shard,
        identifiers: IdentifierSource,
        *,
        encoder: Encoder | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        segment_age_seconds: float = SEGMENT_AGE_SECONDS,
        gather_seconds: float = 0.0,
        on_trouble: Callable[[MdaError], None] = lambda trouble: None,
        system: Syscalls | None = None,
    ) -> None:
        self._shard = shard
        self._root = shard.root
        self._identifiers = identifiers
        self._encoder = encoder or Encoder()
        self._segment_bytes = segment_bytes
        self._segment_age_seconds = segment_age_seconds
        self._gather_seconds = gather_seconds
        self._on_trouble = on_trouble
        self._system = system or Syscalls()
        self._commits = PendingCommits()
        self._segment: OpenSegment | None = None
        self._unsealed: list[tuple[OpenSegment, SealReason]] = []
        self._is_closed = False

    @property
    def dropped_commits(self) -> int:
        """Commit records given up because the shard refused writes for too long."""
        return self._commits.dropped

    def append(self, batch: Sequence[EncodedRecord]) -> tuple[Location, ...]:
        """The records' locations, in order; on return they are durable, and so is every folder above them."""
        return self._append(batch, self._gather_seconds)

    def _append(self, batch: Sequence[EncodedRecord], commits_after: float) -> tuple[Location, ...]:
        """With the commit records that wait, if the first has waited for so many seconds."""
        if self._is_closed:
            raise StorageUnavailable(f"shard {self._shard.name}: the writer is closed")
        commits = self._commits.take(commits_after)
        records = (*batch, *self._commit_record(commits))
        if not records:
            return ()
        try:
            return self._append_or_fail(records)[: len(batch)]
        except BaseException:
            self._commits.put_back(commits)
            raise

    def note_commits(self, commits: Sequence[CommitRecord]) -> None:
        """What the database has committed: written with an append, by `flush_due`, or at the close."""
        self._commits.note(commits)

    def flush_due(self, now: float) -> None:
        """What time asks for, `now` by time.monotonic(): writes waiting commit records, seals an old segment, retries
        seals that failed. The owner calls it at least twice a second when no batch comes."""
        if self._commits.waits_longer_than(FLUSH_AFTER_SECONDS, now):
            self._append((), 0)
        if self._segment and self._is_old(self._segment, now):
            self._retire(SealReason.AGE)
        self._seal_left_over()

    def close(self) -> None:
        """Writes the waiting commit records and seals; afterwards the writer takes nothing. StorageUnavailable where
        the commit records could not be written: the segment is sealed all the same."""
        if self._is_closed:
            return
        try:
            self._append((), 0)
        finally:
            self._is_closed = True
            self._retire(SealReason.CLOSED)
            for segment, _ in self._unsealed:
                segment.discard()
            self._unsealed.clear()

    def _commit_record(self, commits: Sequence[CommitRecord]) -> tuple[EncodedRecord, ...]:
        return (self._encoder.encode_commits(commits, committed_at=datetime.now(UTC)),) if commits else ()

    def _append_or_fail(self, records: Sequence[EncodedRecord]) -> tuple[Location, ...]:
        for is_last in (False, True):
            try:
                return self._ready_segment(records).append(records)
            except OSError as error:
                self._retire(SealReason.TROUBLE)
                trouble = self._trouble(error)
                self._on_trouble(trouble)
                if is_last or error.errno in _HOPELESS:
                    raise trouble from error
            except BaseException:
                # Out of memory, or a signal between write and sync: what is in the file is not known.
                self._retire(SealReason.TROUBLE)
                raise
        raise AssertionError("unreachable: the second attempt returns or raises")

    def _ready_segment(self, records: Sequence[EncodedRecord]) -> OpenSegment:
        """The segment that takes the records: the open one while it has room and is young, else a new one."""
        length = sum([record.length for record in records])
        segment = self._segment
        if segment and segment.good_length and segment.good_length + length > self._segment_bytes:
            self._retire(SealReason.FULL)
        elif segment and self._is_old(segment, time.monotonic()):
            self._retire(SealReason.AGE)
        if self._segment is None:
            open_shard(self._root, self._shard.id, self._shard.name)
            self._segment = create_segment(self._root, self._identifiers, self._system)
        return self._segment

    def _is_old(self, segment: OpenSegment, now: float) -> bool:
        return now - segment.opened_at >= self._segment_age_seconds

    def _retire(self, reason: SealReason) -> None:
        if self._segment:
            self._unsealed.append((self._segment, reason))
            self._segment = None
        self._seal_left_over()

    def _seal_left_over(self) -> None:
        """A seal that fails is tried again later; past a few, the oldest is left for the sweep of dead writers'
        segments, which scans it."""
        failed = []
        for segment, reason in self._unsealed:
            try:
                segment.seal(reason)
            except OSError:
                failed.append((segment, reason))
        for segment, _ in failed[:-_MAX_UNSEALED]:
            segment.discard()
        self._unsealed = failed[-_MAX_UNSEALED:]

    def _trouble(self, error: OSError) -> StorageUnavailable:
        what = f"shard {self._shard.name} ({self._root}): {error.strerror or error}"
        if error.errno in NO_SPACE:
            return StorageFull(what, "free space or move accounts: mda shard move")
        return StorageUnavailable(what, unwritable.remedy(self._root, error))
