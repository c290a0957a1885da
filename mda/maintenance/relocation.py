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
from mda.identifiers import IdentifierSource
from mda.maintenance.pace import Pace
from mda.maintenance.shards import all_shards
from mda.metadata.directory import accounts, shards
from mda.metadata.mailbox import places
from mda.metadata.mailbox.places import Key, Move, Place
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.storage.commits import CommitRecord
from mda.storage.dictionaries import Dictionaries
from mda.storage.encode import Encoder, from_microseconds
from mda.storage.location import Location
from mda.storage.reader import SegmentReader
from mda.storage.record import Target
from mda.storage.shard import Shard, ShardState, open_shard
from mda.storage.writer import SegmentWriter

BATCH_MESSAGES = 200
LATE_SECONDS = 2.0
"""Beyond the look-up cache's time: what was looked up before the change has been written to its old shard by then,
unless it waits for a disk; a later run takes such."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A step: so many messages of the account, and bytes as stored on the new shard."""

    account_id: int
    messages: int
    bytes: int


class Mover:
    """Moves accounts to one shard. `close` when done."""

    def __init__(self, handle: Handle, settings: Settings, target: Shard) -> None:
        if target.state is not ShardState.ACTIVE:
            raise Conflict(f"shard {target.name} is {target.state.value}", "choose an active one")
        open_shard(target.root, target.id, target.name)
        self._handle = handle
        self._target = target
        self._late_seconds = settings.database.lookup_cache_seconds + LATE_SECONDS
        self._encoder = Encoder(settings.storage.compression_level, Dictionaries(target.root))
        self._writer = SegmentWriter(
            target, IdentifierSource(), encoder=self._encoder, segment_bytes=settings.storage.segment_bytes
        )
        self._readers = {shard.id: SegmentReader(shard) for shard in all_shards(handle)}
        self._pace = Pace(settings.storage.maintenance_bytes_per_second)

    @property
    def target_id(self) -> int:
        return self._target.id

    def close(self) -> None:
        self._writer.close()
        for reader in self._readers.values():
            reader.close()

    def move(self, account_id: int, *, waits: bool = True) -> Iterator[Moved]:
        """Each batch when its rows lead to the new shard. With `waits`, mail that was on its way to the old shard is
        waited for and taken, too. RecordDamaged stops it at a body that can't be read."""
        accounts.set_shard(self._handle, account_id, self._target.id)
        yield from self._copy_all(account_id)
        if waits:
            time.sleep(self._late_seconds)
            yield from self._copy_all(account_id)

    def _copy_all(self, account_id: int) -> Iterator[Moved]:
        while batch := places.not_on(self._handle, account_id, self._target.id, BATCH_MESSAGES):
            yield self._copy(account_id, batch)

    def _copy(self, account_id: int, batch: Sequence[tuple[Key, Place]]) -> Moved:
        records = []
        for key, place in batch:
            location = Location(place.segment, place.offset, place.length)
            record = self._readers[place.shard_id].read_record(location)
            self._pace.spend(place.length)
            targets = record.meta.targets if record.meta else ()
            own = [one for one in targets if (one.account_id, one.content_id) == key]
            records.append(
                self._encoder.encode_message(
                    record.raw,
                    received_at=from_microseconds(record.header.received_at),
                    reverse_path=record.meta.reverse_path if record.meta else "",
                    targets=own or (Target(*key),),
                )
            )
        locations = self._writer.append(records)
        moves = [
            (place, Move(key, place.offset, Place(self._target.id, to.segment, to.offset, to.length)))
            for (key, place), to in zip(batch, locations, strict=True)
        ]
        for (shard_id, segment), group in itertools.groupby(moves, key=lambda one: (one[0].shard_id, one[0].segment)):
            places.repoint(self._handle, shard_id, segment, [move for _, move in group])
        rows = places.committed(self._handle, account_id, [key[1] for key, _ in batch])
        self._writer.note_commits(
            [CommitRecord(account_id, mailbox_id, uid, content_id) for mailbox_id, uid, content_id in rows]
        )
        return Moved(account_id, len(batch), sum(record.length for record in records))


def drain(handle: Handle, settings: Settings, source: shards.Shard, targets: Sequence[Shard]) -> Iterator[Moved]:
    """Moves every account of the shard, each to one of `targets` in turn, and what else lies there; again and again
    until nothing is left. The shard's state is DRAINING from then on: new accounts go elsewhere."""
    if not targets:
        raise Conflict("there is no other active shard", "make one: mda shard add")
    shards.change(handle, source.name, state=shards.ShardState.DRAINING)
    movers = [Mover(handle, settings, target) for target in targets]
    chosen = itertools.cycle(movers)
    try:
        for account_id in accounts.on_shard(handle, source.id):
            yield from next(chosen).move(account_id, waits=False)
        time.sleep(settings.database.lookup_cache_seconds + LATE_SECONDS)
        yield from _take_late(handle, source.id, {mover.target_id: mover for mover in movers})
    finally:
        for mover in movers:
            mover.close()


def _take_late(handle: Handle, source_id: int, movers: Mapping[int, Mover]) -> Iterator[Moved]:
    """What was on its way while its account moved."""
    for account_id in places.owners_on(handle, source_id):
        mover = movers.get(accounts.shard_of(handle, account_id))
        if mover is not None:
            yield from mover.move(account_id, waits=False)
