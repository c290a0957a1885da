"""The shards that this worker writes to: a lane for each, opened at the first message for it.

The list of shards is read from the database when a shard is asked for that is not known yet: a worker starts while
the database is down, and a shard that is added later needs no restart. A shard that takes no mail is a temporary
cause for its accounts alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from mda.causes import Cause
from mda.delivery.job import Job
from mda.delivery.shard_lane import LATE_SECONDS, ShardLane
from mda.delivery.twin import Twin
from mda.errors import MdaError
from mda.logs import logger
from mda.metadata.delivery.deliver import Delivery, Stored
from mda.storage.commits import CommitRecord
from mda.storage.record import NO_RECEIPT
from mda.storage.shard import Shard, ShardState


class ShardLanes:
    """Routes jobs to lanes. `submit` belongs to the event loop, `note` to the commit lanes' threads."""

    def __init__(
        self, list_shards: Callable[[], Sequence[Shard]], open_lane: Callable[[Shard], ShardLane], pool: Executor
    ) -> None:
        self._list_shards = list_shards
        self._open_lane = open_lane
        self._pool = pool
        self._lanes: dict[int, ShardLane] = {}
        self._names: dict[int, str] = {}
        self._opening = asyncio.Lock()

    def is_open(self, shard_id: int) -> bool:
        """Whether `submit` may be called for it."""
        return shard_id in self._lanes

    def submit(self, job: Job, replica_shard_id: int | None = None) -> None:
        """Gives the job to its shard's lane; with `replica_shard_id` to that one's too, and the row is written when
        both are durable. A lane that has fallen behind finishes it at once."""
        if replica_shard_id is None:
            self._lanes[job.shard_id].submit(job)
        else:
            for one in Twin(job, replica_shard_id).jobs():
                self._lanes[one.shard_id].submit(one)

    def complain(self, shard_id: int) -> None:
        """Somebody has waited in vain for a copy there."""
        if lane := self._lanes.get(shard_id):
            lane.complain()

    def complain_of_late(self) -> None:
        """Names each lane that has been at one batch for too long."""
        for lane in self._lanes.values():
            lane.complain(LATE_SECONDS)

    def name(self, shard_id: int) -> str:
        """The shard's name, for logs and replies."""
        return self._names.get(shard_id, str(shard_id))

    def note(self, rows: Sequence[tuple[Delivery, Stored]]) -> None:
        """What the database has committed, for the shards' commit records."""
        records: dict[int, list[CommitRecord]] = {}
        for delivery, stored in rows:
            record = CommitRecord(
                stored.account_id, stored.mailbox_id, stored.uid, stored.content_id, delivery.receipt or NO_RECEIPT
            )
            records.setdefault(delivery.shard_id, []).append(record)
            if delivery.replica is not None:
                records.setdefault(delivery.replica.shard_id, []).append(record)
        for shard_id, its_records in records.items():
            self._lanes[shard_id].note(its_records)

    def drain(self) -> None:
        """Writes what has been submitted; blocking, after the last submit."""
        for lane in self._lanes.values():
            lane.drain()

    def seal(self) -> None:
        """After `drain` and the commit lanes' end: the last commit records and the seals."""
        for lane in self._lanes.values():
            lane.seal()

    async def open(self, shard_id: int) -> Cause | None:
        """Opens the shard's lane, unless it is; why there is none."""
        async with self._opening:
            if shard_id in self._lanes:
                return None
            try:
                shards = await asyncio.get_running_loop().run_in_executor(self._pool, self._list_shards)
            except MdaError as error:
                logger("delivery").error("shards_unknown", error=error.message, remedy=error.remedy)
                return Cause.DATABASE_UNAVAILABLE
            shard = next((shard for shard in shards if shard.id == shard_id), None)
            if shard is None or shard.state is ShardState.READONLY:
                logger("delivery").error("shard_takes_no_mail", shard=shard.name if shard else shard_id)
                return Cause.STORAGE_UNAVAILABLE
            self._names[shard_id] = shard.name
            self._lanes[shard_id] = self._open_lane(shard)
            return None
