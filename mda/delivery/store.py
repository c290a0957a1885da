"""Making the copies of a message durable: the copies on one shard are one job, all shards at the same time.

A message thus has one record per shard, however many recipients are there; two, where some of the accounts have
another second shard than the rest.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from mda.causes import Cause
from mda.delivery.copies import Copy, Message
from mda.delivery.flight import Answer, Flight
from mda.delivery.flights import Flights
from mda.delivery.job import Job
from mda.delivery.plan import Placement
from mda.delivery.rows import delivery_row
from mda.delivery.shard_lanes import ShardLanes
from mda.delivery.shares import AccountShares
from mda.logs import logger
from mda.metadata.directory.resolve import Target


class Store:
    """What the deliveries of a worker hand their copies to. Made and used in its event loop.

    A copy that its plan refuses has that as its outcome; the others what their shard and the database answer. What is
    under way after `seconds` is DEADLINE_PASSED: it may yet be stored, and its receipt then answers the redelivery.
    """

    def __init__(
        self,
        lanes: ShardLanes,
        shares: AccountShares,
        flights: Flights,
        seconds: float,
        *,
        writes_replicas: bool = True,
    ) -> None:
        self._lanes = lanes
        self._shares = shares
        self._flights = flights
        self._seconds = seconds
        self._writes_replicas = writes_replicas

    def take_now(self, targets: Iterable[Target]) -> Collection[int] | None:
        """A place in its lane for each of these accounts, by their ids, as `start` wants them; None, and no place,
        where one has to be waited for or a lane to be opened."""
        accounts = set[int]()
        for target in targets:
            for shard_id in self._shards_of(target):
                if not self._lanes.is_open(shard_id):
                    return None
            accounts.add(target.account_id)
        return accounts if self._shares.take_all_now(tuple(accounts)) else None

    def give_back(self, accounts: Iterable[int]) -> None:
        """The places of a message that was not started after all."""
        for account_id in accounts:
            self._shares.give_back(account_id)

    def start(
        self,
        message: Message,
        copies: Sequence[Copy],
        accounts: Collection[int],
        started: float,
        answer: Answer,
    ) -> None:
        """Starts copies whose accounts have their places (`take_now`); gives these back when it is over. Raises only
        where nothing was started: the places are still the caller's, and nobody answers."""
        self._send(Flight(message, copies, accounts, started, time.monotonic() + self._seconds, answer))

    async def store(self, message: Message, copies: Sequence[Copy], started: float) -> Flight:
        """The flight of these copies when it is over.

        An account that has as much in the lanes as it may have is ACCOUNT_BUSY, after a wait; one whose shard takes no
        mail has the cause of that.
        """
        targets = [copy.target for copy in copies if isinstance(copy.decision, Placement)]
        taken = set[int]()
        try:
            for account_id in sorted({target.account_id for target in targets}):
                if await self._shares.take(account_id):
                    taken.add(account_id)
            closed = await self._open({shard_id for target in targets for shard_id in self._shards_of(target)})
            flight = Flight(message, copies, taken, started, time.monotonic() + self._seconds)
            for place, copy in flight.pending():
                if copy.target.account_id not in taken:
                    flight.hinder(place, Cause.ACCOUNT_BUSY)
                elif causes := [closed[one] for one in self._shards_of(copy.target) if one in closed]:
                    flight.hinder(place, causes[0])
            flight.known = known = asyncio.get_running_loop().create_future()
            self._send(flight)
        except BaseException:
            self.give_back(taken)
            raise
        await known
        return flight

    def _send(self, flight: Flight) -> None:
        """To lanes that are open. As to what it raises, see `start`."""
        jobs = self._jobs(flight)
        self._flights.add(flight)
        # From here on it is answered, at its deadline where even the answer to a failure fails.
        with suppress(Exception):
            if not jobs:
                self._flights.tell(flight, (), ())
            for job, replica_shard_id in jobs:
                self._submit(job, replica_shard_id)
            self._flights.end_batch()  # where it was answered at once

    def _submit(self, job: Job, replica_shard_id: int | None) -> None:
        try:
            self._lanes.submit(job, replica_shard_id)
        except Exception:
            job.fail(Cause.INTERNAL_ERROR)
            logger("delivery").exception("not_submitted", shard=self._lanes.name(job.shard_id))

    def _jobs(self, flight: Flight) -> list[tuple[Job, int | None]]:
        """What is to be stored, by shard, with the second shard."""
        by_shards: dict[tuple[int, ...], list[tuple[int, Copy]]] = {}
        for place, copy in flight.pending():
            by_shards.setdefault(self._shards_of(copy.target), []).append((place, copy))
        return [
            (self._job(flight, shards[0], there), shards[1] if len(shards) > 1 else None)
            for shards, there in by_shards.items()
        ]

    def _job(self, flight: Flight, shard_id: int, there: Sequence[tuple[int, Copy]]) -> Job:
        message = flight.message
        return Job(
            shard_id=shard_id,
            raw=message.raw,
            reverse_path=message.envelope.reverse_path,
            received_at=message.received_at,
            deliveries=tuple(
                [
                    delivery_row(message, copy, copy.decision)
                    for _, copy in there
                    if isinstance(copy.decision, Placement)  # as it is: the others have their outcome
                ]
            ),
            deadline=flight.deadline,
            finish=partial(self._flights.tell, flight, [place for place, _ in there]),
            raw_digest=message.raw_digest,
        )

    def _shards_of(self, target: Target) -> tuple[int, ...]:
        """Where its copies are written: the account's shard, and a second one where it has one."""
        if target.replica_shard_id is None or not self._writes_replicas:
            return (target.shard_id,)
        return target.shard_id, target.replica_shard_id

    async def _open(self, shard_ids: Collection[int]) -> Mapping[int, Cause]:
        """Opens the lanes of these shards; those that take no mail, and why."""
        outcomes = await asyncio.gather(*map(self._open_one, shard_ids))
        return {shard_id: cause for shard_id, cause in zip(shard_ids, outcomes, strict=True) if cause is not None}

    async def _open_one(self, shard_id: int) -> Cause | None:
        if self._lanes.is_open(shard_id):
            return None
        try:
            async with asyncio.timeout(self._seconds):
                return await self._lanes.open(shard_id)
        except TimeoutError:
            return Cause.DEADLINE_PASSED
