"""Accounts from shard to shard, while mail is delivered to them.

First the account is told to be on the new shard: mail that comes from then on goes there. Then the bodies that lie
elsewhere are copied, verified by digest, made durable, and each row is led to its copy while it still leads to the
original; with them go commit records, so that the new shard alone can be rebuilt from. Readers follow the row. A kill
at any moment costs copies that no row leads to; the same command again goes on. The old copies are dead, and leave
the old shard with its next compaction.
"""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mda.errors import Conflict
from mda.identifiers import IdentifierSource, format_id
from mda.maintenance.own_copy import commits_of, own_copy
from mda.maintenance.pace import Pace
from mda.maintenance.shards import all_shards
from mda.metadata.directory import accounts, shards
from mda.metadata.directory.changes import BRIEF_SECONDS
from mda.metadata.mailbox import places, replicas
from mda.metadata.mailbox.places import Key, Move, Place
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.storage.dictionaries import Dictionaries
from mda.storage.encode import Encoder
from mda.storage.location import Location
from mda.storage.reader import SegmentReader
from mda.storage.shard import Shard, ShardState, open_shard
from mda.storage.writer import SegmentWriter

BATCH_MESSAGES = 200
LATE_SECONDS = BRIEF_SECONDS + 2.0
"""What was looked up before the change has been written to its old shard by then, unless it waits for a disk, or its
worker has just lost the connection on which it hears of changes; a later run takes such."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A step: so many messages of the account, and bytes as stored on the new shard."""

    account_id: int
    messages: int
    bytes: int


class Mover:
    """Moves accounts to one shard. `close` when done."""

    def __init__(self, handle: Handle, settings: Settings, target: Shard, pace: Pace | None = None) -> None:
        if target.state is not ShardState.ACTIVE:
            raise Conflict(f"shard {target.name} is {target.state.value}", "choose an active one")
        open_shard(target.root, target.id, target.name)
        self._handle = handle
        self._target = target
        self._encoder = Encoder(settings.storage.compression_level, Dictionaries(target.root))
        self._writer = SegmentWriter(
            target, IdentifierSource(), encoder=self._encoder, segment_bytes=settings.storage.segment_bytes
        )
        self._readers = {shard.id: SegmentReader(shard) for shard in all_shards(handle)}
        self._pace = pace or Pace(settings.storage.maintenance_bytes_per_second)

    @property
    def target_id(self) -> int:
        return self._target.id

    def close(self) -> None:
        self._writer.close()
        for reader in self._readers.values():
            reader.close()

    def move(self, account_id: int, *, waits: bool = True) -> Iterator[Moved]:
        """Each batch when its rows lead to the new shard. With `waits`, mail that was on its way to the old shard is
        waited for and taken, too. RecordDamaged stops it at a body that can't be read; Conflict where the account's
        replicas are on this shard."""
        if replicas.of_account(self._handle, account_id) == self._target.id:
            raise Conflict(
                f"the account's replicas are on shard {self._target.name}",
                "give it another second shard first: mda account replica",
            )
        accounts.set_shard(self._handle, account_id, self._target.id)
        yield from self._copy_all(account_id)
        if waits:
            time.sleep(LATE_SECONDS)
            yield from self._copy_all(account_id)

    def bring_home(self, account_id: int) -> Iterator[Moved]:
        """What of the account's lies elsewhere though it is on this shard: the rest of a move, or led to its replica by
        a check."""
        yield from self._copy_all(account_id)

    def _copy_all(self, account_id: int) -> Iterator[Moved]:
        self._pace.resume()
        while batch := places.not_on(self._handle, account_id, self._target.id, BATCH_MESSAGES):
            yield self._copy(account_id, batch)

    def _copy(self, account_id: int, batch: Sequence[tuple[Key, Place]]) -> Moved:
        records = []
        for key, place in batch:
            location = Location(place.segment, place.offset, place.length)
            record = self._readers[place.shard_id].read_record(location)
            self._pace.spend(place.length)
            records.append(own_copy(self._encoder, record, key))
        locations = self._writer.append(records)
        moves = [
            (place, Move(key, place.offset, Place(self._target.id, to.segment, to.offset, to.length)))
            for (key, place), to in zip(batch, locations, strict=True)
        ]
        for (shard_id, segment), group in itertools.groupby(moves, key=lambda one: (one[0].shard_id, one[0].segment)):
            places.repoint(self._handle, shard_id, segment, [move for _, move in group])
        self._writer.note_commits(commits_of(self._handle, account_id, [key[1] for key, _ in batch]))
        return Moved(account_id, len(batch), sum(record.length for record in records))


def drain(handle: Handle, settings: Settings, source: shards.Shard, targets: Sequence[Shard]) -> Iterator[Moved]:
    """Moves every account of the shard, each to one of `targets` in turn, and what else lies there; again and again
    until nothing is left. The shard's state is DRAINING from then on: new accounts go elsewhere."""
    if not targets:
        raise Conflict("there is no other active shard", "make one: mda shard add")
    shards.change(handle, source.name, state=shards.ShardState.DRAINING)
    pace = Pace(settings.storage.maintenance_bytes_per_second)
    movers = [Mover(handle, settings, target, pace) for target in targets]
    chosen = itertools.cycle(movers)
    try:
        for account_id in accounts.on_shard(handle, source.id):
            yield from _free_of_replicas(handle, chosen, len(movers), account_id).move(account_id, waits=False)
        _replicas_away(handle, source.id, targets)
        time.sleep(LATE_SECONDS)
        yield from _take_late(handle, source.id, {mover.target_id: mover for mover in movers})
    finally:
        for mover in movers:
            mover.close()


def _free_of_replicas(handle: Handle, movers: Iterator[Mover], count: int, account_id: int) -> Mover:
    """The next of the movers whose shard is not the account's second one; Conflict where there is none."""
    second = replicas.of_account(handle, account_id)
    for mover in itertools.islice(movers, count):
        if mover.target_id != second:
            return mover
    raise Conflict(
        f"the replicas of account {format_id(account_id)} are on the only shard to move to",
        "add a shard, or give the account another second one: mda account replica",
    )


def _replicas_away(handle: Handle, source_id: int, targets: Sequence[Shard]) -> None:
    """Gives accounts whose second shard is drained another one; `replication` copies what they then lack."""
    for one in replicas.replicated(handle):
        if one.replica_shard_id == source_id:
            other = next((target.id for target in targets if target.id != one.shard_id), None)
            if other is None:
                raise Conflict(
                    f"there is no other shard for the replicas of account {format_id(one.account_id)}",
                    "add a shard, or take its second one away: mda account replica --none",
                )
            replicas.set_shard(handle, (one.account_id,), other)


def _take_late(handle: Handle, source_id: int, movers: Mapping[int, Mover]) -> Iterator[Moved]:
    """What was on its way while its account moved."""
    for account_id in places.owners_on(handle, source_id):
        mover = movers.get(accounts.shard_of(handle, account_id))
        if mover is not None:
            yield from mover.move(account_id, waits=False)
