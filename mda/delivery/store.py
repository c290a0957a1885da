"""Making the copies of a message durable: the copies on one shard are one job, all shards at the same time.

A message thus has one record per shard, however many recipients are there; two, where some of the accounts have
another second shard than the rest.
"""

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence

from mda.causes import Cause
from mda.delivery.answers import Answers
from mda.delivery.copies import Copy, Message
from mda.delivery.job import Job, Outcomes
from mda.delivery.plan import Placement
from mda.delivery.rows import delivery_row
from mda.delivery.shard_lanes import ShardLanes
from mda.delivery.shares import AccountShares
from mda.metadata.delivery.deliver import Delivery, Stored

Outcome = Stored | Cause

Shards = tuple[int, int | None]
"""Where copies are written: the accounts' shard, and a second one or None."""


class Store:
    """What the deliveries of a worker hand their copies to. Made and used in its event loop."""

    def __init__(
        self, lanes: ShardLanes, shares: AccountShares, seconds: float, *, writes_replicas: bool = True
    ) -> None:
        self._lanes = lanes
        self._shares = shares
        self._seconds = seconds
        self._writes_replicas = writes_replicas
        self._loop = asyncio.get_running_loop()
        self._answers = Answers(self._loop)

    async def store(self, message: Message, copies: Sequence[Copy]) -> Outcomes:
        """One outcome per copy, in order: refused by its plan, or as its shard and the database answered.

        An account that has as much in the lanes as it may have is ACCOUNT_BUSY, after a wait. What is under way after
        the deadline is DEADLINE_PASSED: it may yet be stored, and its receipt then answers the redelivery.
        """
        outcomes: dict[int, Outcome] = {}
        placed: dict[int, tuple[Copy, Placement]] = {}
        for number, copy in enumerate(copies):
            if isinstance(copy.decision, Placement):
                placed[number] = (copy, copy.decision)
            else:
                outcomes[number] = copy.decision
        accounts = sorted({copy.target.account_id for copy, _ in placed.values()})
        taken: set[int] = set()
        try:
            for account_id in accounts:
                if await self._shares.take(account_id):
                    taken.add(account_id)
            rows: dict[Shards, dict[int, Delivery]] = {}
            for number, (copy, placement) in placed.items():
                if copy.target.account_id in taken:
                    rows.setdefault(self._shards_of(copy), {})[number] = delivery_row(message, copy, placement)
                else:
                    outcomes[number] = Cause.ACCOUNT_BUSY
            outcomes.update(await self._store_rows(message, rows))
        finally:
            for account_id in taken:
                self._shares.give_back(account_id)
        return tuple(outcomes[number] for number in range(len(copies)))

    async def _store_rows(self, message: Message, rows: Mapping[Shards, dict[int, Delivery]]) -> dict[int, Outcome]:
        """The outcomes of all rows, which are given by their shards and number."""
        under_way = [self._store_on(shards, tuple(there.values()), message) for shards, there in rows.items()]
        answers = [await under_way[0]] if len(under_way) == 1 else await asyncio.gather(*under_way)
        outcomes: dict[int, Outcome] = {}
        for of_shard, answer in zip(rows.values(), answers, strict=True):
            outcomes.update(zip(of_shard, answer, strict=True))
        return outcomes

    def _shards_of(self, copy: Copy) -> Shards:
        target = copy.target
        return target.shard_id, target.replica_shard_id if self._writes_replicas else None

    async def _store_on(self, shards: Shards, rows: tuple[Delivery, ...], message: Message) -> Outcomes:
        shard_id, replica_shard_id = shards
        answer: asyncio.Future[Outcomes] = self._loop.create_future()
        job = Job(
            shard_id=shard_id,
            raw=message.raw,
            reverse_path=message.envelope.reverse_path,
            received_at=message.received_at,
            deliveries=rows,
            deadline=time.monotonic() + self._seconds,
            finish=lambda outcomes: self._answers.tell(answer, outcomes),
        )
        alarm = self._loop.call_later(self._seconds, self._give_up, answer, shards, len(rows))
        try:
            if replica_shard_id is not None:
                await self._submit(self._lanes.submit_twice(job, replica_shard_id), answer)
            elif not self._lanes.submit_now(job):
                await self._submit(self._lanes.submit(job), answer)
            return await answer
        finally:
            alarm.cancel()

    def _give_up(self, answer: "asyncio.Future[Outcomes]", shards: Shards, copies: int) -> None:
        if not answer.done():
            answer.set_result((Cause.DEADLINE_PASSED,) * copies)
            for shard_id in shards:
                if shard_id is not None:
                    self._lanes.complain(shard_id)

    async def _submit(self, submitting: Coroutine[None, None, None], answer: "asyncio.Future[Outcomes]") -> None:
        """Returns when the job is submitted or its answer is there: the deadline's, it may be."""
        opening = asyncio.create_task(submitting)
        await asyncio.wait((opening, answer), return_when=asyncio.FIRST_COMPLETED)
        if opening.done():
            opening.result()
        else:
            opening.cancel()
