"""Replicas that are not there yet: of mail that was stored without one, and of what a repair has led away.

First what lies on an account's second shard alone is brought home to its first one; then what has no replica is copied,
verified by digest, made durable, and noted. Killed at any moment, it leaves copies that no row leads to, and the next
run goes on: what is missing is asked of the rows, there is no queue that could be lost.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from mda.errors import Conflict, MdaError, NotFound, RecordDamaged, StorageUnavailable
from mda.identifiers import IdentifierSource, format_id
from mda.logs import logger
from mda.maintenance.own_copy import commits_of, own_copy
from mda.maintenance.pace import Pace
from mda.maintenance.relocation import Mover
from mda.maintenance.shards import all_shards
from mda.metadata.mailbox import places, replicas
from mda.metadata.mailbox.places import Key, Place
from mda.metadata.mailbox.replicas import Replicated
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.storage.decode import Record
from mda.storage.dictionaries import Dictionaries
from mda.storage.encode import Encoder
from mda.storage.location import Location
from mda.storage.reader import SegmentReader
from mda.storage.shard import Shard, open_shard
from mda.storage.writer import SegmentWriter

BATCH_MESSAGES = 200
OF_AN_ACCOUNT = (Conflict, NotFound, RecordDamaged, StorageUnavailable)
"""What leaves an account out; trouble with the database ends the run, as it would find every other account, too."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A step: so many messages of the account, and bytes as stored. `unreadable` have no body to copy."""

    account_id: int
    messages: int
    bytes: int
    unreadable: int = 0
    is_home: bool = False
    """To the account's first shard."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An account whose mail could not be copied now: `why`, and the way out. The next run comes to it again."""

    account_id: int
    why: str


def replicate(handle: Handle, settings: Settings) -> Iterator[Copied | LeftOut]:
    """One run over all accounts with a second shard."""
    replicator = Replicator(handle, settings)
    try:
        yield from replicator.run()
    finally:
        replicator.close()


class Replicator:
    """Runs again and again, and goes on writing to the same segments. `close` when done."""

    def __init__(self, handle: Handle, settings: Settings) -> None:
        self._handle = handle
        self._settings = settings
        self._copiers: dict[int, _Copier] = {}
        self._pace = Pace(settings.storage.maintenance_bytes_per_second)

    def run(self, since: int = 0) -> Iterator[Copied | LeftOut]:
        """Of contents with ids from `since` on; with 0, all that there is to do. An account whose shard can't be
        written is logged, told, and left for the next run; DatabaseUnavailable ends it."""
        self._pace.resume()
        if not since:
            replicas.forget_ownerless(self._handle)
        shards = {shard.id: shard for shard in all_shards(self._handle)}
        with ExitStack() as stack:
            readers = {shard.id: SegmentReader(shard) for shard in shards.values()}
            for reader in readers.values():
                stack.callback(reader.close)
            for one in replicas.incomplete(self._handle, since):
                try:
                    if not since:
                        yield from self._bring_home(one, shards[one.shard_id])
                    yield from self._copier(shards[one.replica_shard_id]).run(one, readers, since)
                except OF_AN_ACCOUNT as error:
                    yield _left_out(one, error)
        for copier in self._copiers.values():
            copier.flush()

    def close(self) -> None:
        for copier in self._copiers.values():
            copier.close()

    def _bring_home(self, one: Replicated, first: Shard) -> Iterator[Copied]:
        if not places.not_on(self._handle, one.account_id, one.shard_id, 1):
            return
        mover = Mover(self._handle, self._settings, first, self._pace)
        try:
            for moved in mover.bring_home(one.account_id):
                yield Copied(one.account_id, moved.messages, moved.bytes, is_home=True)
        finally:
            mover.close()

    def _copier(self, target: Shard) -> "_Copier":
        if target.id not in self._copiers:
            self._copiers[target.id] = _Copier(self._handle, self._settings, target, self._pace)
        return self._copiers[target.id]


def _left_out(one: Replicated, error: MdaError) -> LeftOut:
    account = format_id(one.account_id)
    logger("storage").error("account_not_replicated", account=account, error=error.message, remedy=error.remedy)
    return LeftOut(one.account_id, str(error))


class _Copier:
    """Writes replicas to one shard."""

    def __init__(self, handle: Handle, settings: Settings, target: Shard, pace: Pace) -> None:
        open_shard(target.root, target.id, target.name)
        self._handle = handle
        self._target = target
        self._readers: dict[int, SegmentReader] = {}
        self._encoder = Encoder(settings.storage.compression_level, Dictionaries(target.root))
        self._writer = SegmentWriter(
            target,
            IdentifierSource(),
            encoder=self._encoder,
            segment_bytes=settings.storage.segment_bytes,
            segment_age_seconds=settings.storage.segment_age_seconds,
        )
        self._pace = pace

    def flush(self) -> None:
        """The commit records that wait, and what time asks of the segment."""
        try:
            self._writer.append(())
            self._writer.flush_due(time.monotonic())
        except StorageUnavailable as error:
            logger("storage").error("commits_not_replicated", error=error.message, remedy=error.remedy)

    def close(self) -> None:
        self._writer.close()

    def run(self, one: Replicated, readers: dict[int, SegmentReader], since: int) -> Iterator[Copied]:
        self._readers = readers
        unreadable: set[Key] = set()
        while batch := replicas.lacking(self._handle, one, BATCH_MESSAGES + len(unreadable), since):
            step = self._copy(one.account_id, [item for item in batch if item[0] not in unreadable], unreadable)
            if step is None:
                return
            yield step

    def _copy(self, account_id: int, batch: Sequence[tuple[Key, Place]], unreadable: set[Key]) -> Copied | None:
        found: list[tuple[Key, Record]] = []
        for key, place in batch:
            try:
                found.append((key, self._read(place)))
            except MdaError as error:
                unreadable.add(key)
                logger("storage").error("message_not_replicated", error=error.message, remedy=error.remedy)
        if not batch:
            return None
        records = [own_copy(self._encoder, record, key) for key, record in found]
        locations = self._writer.append(records) if records else ()
        made = [
            (key, Place(self._target.id, to.segment, to.offset, to.length))
            for (key, _), to in zip(found, locations, strict=True)
        ]
        replicas.note(self._handle, made)
        self._writer.note_commits(commits_of(self._handle, account_id, [key[1] for key, _ in made]))
        octets = sum(record.length for record in records)
        return Copied(account_id, len(made), octets, unreadable=len(batch) - len(made))

    def _read(self, place: Place) -> Record:
        self._pace.spend(place.length)
        return self._readers[place.shard_id].read_record(Location(place.segment, place.offset, place.length))
