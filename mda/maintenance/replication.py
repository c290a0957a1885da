"""Replicas that are not there yet: of mail that was stored without one, and of what a repair has led away.

First what lies on an account's second shard alone is brought home to its first one; then what has no replica is copied,
verified by digest, made durable, and noted. Killed at any moment, it leaves copies that no row leads to, and the next
run goes on: what is missing is asked of the rows, there is no queue that could be lost.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from mda.errors import MdaError
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


@dataclass(frozen=True, slots=True)
class Copied:
    """A step: so many messages of the account, and bytes as stored. `unreadable` have no body to copy."""

    account_id: int
    messages: int
    bytes: int
    unreadable: int = 0
    is_home: bool = False
    """To the account's first shard."""


def replicate(handle: Handle, settings: Settings, *, since: int = 0) -> Iterator[Copied]:
    """One run over all accounts with a second shard; of contents with ids from `since` on. An account whose shard can't
    be written is logged and left for the next run."""
    replicas.forget_ownerless(handle)
    shards = {shard.id: shard for shard in all_shards(handle)}
    with ExitStack() as stack:
        readers = {shard.id: SegmentReader(shard) for shard in shards.values()}
        for reader in readers.values():
            stack.callback(reader.close)
        movers: dict[int, Mover] = {}
        copiers: dict[int, _Copier] = {}
        for one in replicas.replicated(handle):
            try:
                if places.not_on(handle, one.account_id, one.shard_id, 1):
                    if one.shard_id not in movers:
                        movers[one.shard_id] = Mover(handle, settings, shards[one.shard_id])
                        stack.callback(movers[one.shard_id].close)
                    for moved in movers[one.shard_id].bring_home(one.account_id):
                        yield Copied(one.account_id, moved.messages, moved.bytes, is_home=True)
                if one.replica_shard_id not in copiers:
                    copiers[one.replica_shard_id] = _Copier(handle, settings, shards[one.replica_shard_id], readers)
                    stack.callback(copiers[one.replica_shard_id].close)
                yield from copiers[one.replica_shard_id].run(one, since)
            except MdaError as error:
                logger("storage").error(
                    "account_not_replicated",
                    account=format_id(one.account_id),
                    error=error.message,
                    remedy=error.remedy,
                )


class _Copier:
    """Writes replicas to one shard."""

    def __init__(self, handle: Handle, settings: Settings, target: Shard, readers: dict[int, SegmentReader]) -> None:
        open_shard(target.root, target.id, target.name)
        self._handle = handle
        self._target = target
        self._readers = readers
        self._encoder = Encoder(settings.storage.compression_level, Dictionaries(target.root))
        self._writer = SegmentWriter(
            target, IdentifierSource(), encoder=self._encoder, segment_bytes=settings.storage.segment_bytes
        )
        self._pace = Pace(settings.storage.maintenance_bytes_per_second)

    def close(self) -> None:
        self._writer.close()

    def run(self, one: Replicated, since: int) -> Iterator[Copied]:
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
