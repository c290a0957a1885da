"""A message that is written to two shards before its reply: a job for each shard's lane, and one for the rows.

Both lanes write and sync at the same time. The first that fails fails the message, which Postfix brings again: a body
that the other shard has then belongs to nobody, as one does whose row was not committed. When both are durable, the
row is given both places.
"""

import threading
from collections.abc import Callable

from msgspec.structs import replace

from mda.delivery.job import Job, Outcomes, located
from mda.metadata.delivery.delivery_row import Replica
from mda.storage.encode import EncodedRecord
from mda.storage.location import Location


class Twin:
    """What the two jobs of one message share; called by both lanes' threads."""

    def __init__(self, job: Job, replica_shard_id: int) -> None:
        self._job = job
        self._replica_shard_id = replica_shard_id
        self._lock = threading.Lock()
        self._places: dict[int, tuple[EncodedRecord, Location]] = {}
        self._is_over = False

    def jobs(self) -> tuple[Job, Job]:
        """For the first shard and the second."""
        first = replace(self._job, finish=self._fail, twin=self)
        return first, replace(first, shard_id=self._replica_shard_id)

    def written(self, shard_id: int, record: EncodedRecord, location: Location, go_on: Callable[[Job], None]) -> None:
        """One of the two is durable; the message goes on with the second of these calls."""
        with self._lock:
            self._places[shard_id] = (record, location)
            if self._is_over or len(self._places) < 2:
                return
            self._is_over = True
        there = self._places[self._replica_shard_id][1]
        copy = Replica(self._replica_shard_id, there.segment, there.offset, there.length)
        for delivery in self._job.deliveries:
            delivery.replica = copy
        go_on(located(self._job, *self._places[self._job.shard_id]))

    def _fail(self, outcomes: Outcomes) -> None:
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
        self._job.finish(outcomes)
