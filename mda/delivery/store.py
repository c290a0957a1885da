"""Making the copies of a message durable: the copies on one shard are one job, all shards at the same time.

A message thus has one record per shard, however many recipients are there.
"""

import asyncio
import time
from collections.abc import Sequence

from mda.causes import Cause
from mda.delivery.copies import Copy, Message
from mda.delivery.job import Job, Outcomes
from mda.delivery.plan import Placement
from mda.delivery.rows import delivery_row
from mda.delivery.shard_lanes import ShardLanes
from mda.metadata.delivery.deliver import Delivery, Stored

Outcome = Stored | Cause


async def store(message: Message, copies: Sequence[Copy], lanes: ShardLanes, seconds: float) -> Outcomes:
    """One outcome per copy, in order: refused by its plan, or as its shard and the database answered.

    What is under way after `seconds` is DEADLINE_PASSED: it may yet be stored, and its receipt then answers the
    redelivery.
    """
    rows: dict[int, dict[int, Delivery]] = {}
    outcomes: dict[int, Outcome] = {}
    for number, copy in enumerate(copies):
        if isinstance(copy.decision, Placement):
            rows.setdefault(copy.target.shard_id, {})[number] = delivery_row(message, copy, copy.decision)
        else:
            outcomes[number] = copy.decision
    answers = await asyncio.gather(
        *(_store_on(shard_id, tuple(of_shard.values()), message, lanes, seconds) for shard_id, of_shard in rows.items())
    )
    for of_shard, answer in zip(rows.values(), answers, strict=True):
        outcomes.update(zip(of_shard, answer, strict=True))
    return tuple(outcomes[number] for number in range(len(copies)))


async def _store_on(
    shard_id: int, rows: tuple[Delivery, ...], message: Message, lanes: ShardLanes, seconds: float
) -> Outcomes:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Outcomes] = loop.create_future()
    job = Job(
        shard_id=shard_id,
        raw=message.raw,
        reverse_path=message.envelope.reverse_path,
        received_at=message.received_at,
        deliveries=rows,
        deadline=time.monotonic() + seconds,
        finish=lambda outcomes: _tell(loop, answer, outcomes),
    )
    try:
        async with asyncio.timeout(seconds):
            await lanes.submit(job)
            return await answer
    except TimeoutError:
        return (Cause.DEADLINE_PASSED,) * len(rows)


def _tell(loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[Outcomes]", outcomes: Outcomes) -> None:
    """Sets the answer from whichever thread; once, and not after the deadline has taken it away."""

    def settle() -> None:
        if not answer.done():
            answer.set_result(outcomes)

    loop.call_soon_threadsafe(settle)
