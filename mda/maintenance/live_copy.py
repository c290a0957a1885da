"""What of a segment is worth keeping, written again at the end of a shard: the one step that compaction, erasure and
moves are made of.

A record lives for a target while its row leads to it. A target without a row, that nobody has purged, is mail which
the database has lost: it is kept, for the check to find. Commit records are kept for what is kept of anybody, purge
records always, of checkpoints the newest. Copies are durable before a row is changed, and a row is changed only while
it leads to the original: whenever this dies, rows lead to sound records, and doing it again goes on with what is left.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mda.errors import RecordDamaged
from mda.identifiers import format_id
from mda.maintenance.checkpoint import id_of
from mda.maintenance.pace import Pace
from mda.metadata.checkpoint import dump
from mda.metadata.mailbox import places
from mda.metadata.mailbox.places import Key, Leads, Move, Place
from mda.metadata.postgresql.opened import Handle
from mda.storage.body import Codecs
from mda.storage.commits import CommitRecord, unpack_commits, unpack_purges
from mda.storage.decode import Record, decode_record
from mda.storage.encode import EncodedRecord, Encoder, from_microseconds
from mda.storage.location import segment_path
from mda.storage.record import Flaw, Kind, Malformed, Target
from mda.storage.scan import Damage, Found, scan_segment
from mda.storage.seal import Seal
from mda.storage.shard import Shard
from mda.storage.writer import SegmentWriter

BATCH_RECORDS = 500
BATCH_BYTES = 8_388_608


@dataclass(slots=True)
class Copied:
    """What came of one segment, in bytes as stored."""

    read_bytes: int = 0
    kept_bytes: int = 0
    repointed: int = 0
    unclaimed: int = 0
    """Targets without a row that nobody has purged."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A record that goes on. `targets` are those whose copy it still is, with those that have a row (`moved`)."""

    record: Record
    offset: int
    targets: tuple[Target, ...] = ()
    moved: tuple[Target, ...] = ()
    commits: tuple[CommitRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A sealed segment of a shard."""

    shard: Shard
    seal: Seal

    @property
    def segment(self) -> int:
        return self.seal.segment


@dataclass(slots=True)
class LiveCopier:
    """Copies the living records of sources to the end of `target`, with `writer` there."""

    handle: Handle
    target: Shard
    writer: SegmentWriter
    encoder: Encoder
    pace: Pace
    codecs: Codecs
    skips_damage: bool = False
    """What is no sound record is left behind: for segments where no row leads to the damage."""

    def copy(self, source: Source) -> Copied:
        """RecordDamaged, before anything of that batch is copied, where the segment is not sound to its end."""
        copied = Copied()
        for batch in self._batches(source):
            copied.read_bytes += sum(step.length for step in batch)
            self.pace.spend(sum(step.length for step in batch))
            self._move(source, self.sift(source, batch, copied), copied)
        return copied

    def measure(self, source: Source) -> int:
        """Bytes of the records that `copy` would keep, as they lie there now; nothing is written."""
        kept = 0
        for batch in self._batches(source):
            self.pace.spend(sum(step.length for step in batch))
            kept += sum(one.record.header.record_length for one in self.sift(source, batch, Copied()))
        return kept

    def sift(self, source: Source, batch: Sequence[Found], copied: Copied) -> list[Kept]:
        """What of the records is to be kept, verified by digest."""
        decoded = ((step.offset, self._decoded(source, step)) for step in batch)
        records = [(offset, record) for offset, record in decoded if record is not None]
        keys = sorted({key for _, record in records for key in _keys(record)})
        found = places.look_up(self.handle, keys)
        gone = places.find_purged(self.handle, [key for key in keys if key not in found])
        newest = dump.newest(self.handle, source.shard.id)
        kept = []
        for offset, record in records:
            if record.header.kind is Kind.CHECKPOINT and id_of(record.raw) < newest:
                continue  # superseded
            one = _keep(source, offset, record, found, gone)
            if one is not None:
                kept.append(one)
                copied.unclaimed += len(one.targets) - len(one.moved)
        return kept

    def _move(self, source: Source, kept: Sequence[Kept], copied: Copied) -> None:
        if not kept:
            return
        encoded = [self._encoded(one) for one in kept]
        locations = self.writer.append(encoded)
        moves = [
            Move(
                (target.account_id, target.content_id),
                one.offset,
                Place(self.target.id, location.segment, location.offset, location.length),
            )
            for one, location in zip(kept, locations, strict=True)
            for target in one.moved
        ]
        copied.repointed += places.repoint(self.handle, source.shard.id, source.segment, moves)
        copied.kept_bytes += sum(record.length for record in encoded)

    def _encoded(self, one: Kept) -> EncodedRecord:
        header, meta = one.record.header, one.record.meta
        moment = from_microseconds(header.received_at)
        if header.kind is Kind.COMMIT:
            return self.encoder.encode_commits(one.commits, committed_at=moment)
        if header.kind is Kind.PURGE:
            return self.encoder.encode_purges(unpack_purges(one.record.raw), purged_at=moment)
        if header.kind is Kind.CHECKPOINT or meta is None:
            return self.encoder.encode_checkpoint(one.record.raw, made_at=moment)
        return self.encoder.encode_message(
            one.record.raw, received_at=moment, reverse_path=meta.reverse_path, targets=one.targets
        )

    def _batches(self, source: Source) -> Iterator[list[Found]]:
        batch: list[Found] = []
        octets = 0
        for step in scan_segment(segment_path(source.shard.root, source.segment), source.seal.length):
            if isinstance(step, Damage):
                if not self.skips_damage:
                    raise _damaged(source, step.offset, step.flaw)
                continue
            batch.append(step)
            octets += step.length
            if len(batch) == BATCH_RECORDS or octets >= BATCH_BYTES:
                yield batch
                batch, octets = [], 0
        if batch:
            yield batch

    def _decoded(self, source: Source, step: Found) -> Record | None:
        try:
            return decode_record(step.stored, self.codecs)
        except Malformed as malformed:
            if self.skips_damage:
                return None
            raise _damaged(source, step.offset, malformed.flaw) from malformed


def _damaged(source: Source, offset: int, flaw: Flaw) -> RecordDamaged:
    place = f"shard {source.shard.name}, segment {format_id(source.segment)}, offset {offset}"
    return RecordDamaged(f"{place}: {flaw.value}", "it stays as it is until it is mended: mda storage check --repair")


def _keys(record: Record) -> Iterable[Key]:
    if record.header.kind is Kind.COMMIT:
        return [(one.account_id, one.content_id) for one in unpack_commits(record.raw)]
    targets = record.meta.targets if record.meta else ()
    return [(target.account_id, target.content_id) for target in targets]


def _keep(source: Source, offset: int, record: Record, found: dict[Key, Leads], gone: frozenset[Key]) -> Kept | None:
    if record.header.kind is Kind.COMMIT:
        commits = tuple(one for one in unpack_commits(record.raw) if (one.account_id, one.content_id) not in gone)
        return Kept(record, offset, commits=commits) if commits else None
    if record.meta is None:
        return Kept(record, offset)
    moved, lost = [], []
    for target in record.meta.targets:
        key = (target.account_id, target.content_id)
        leads = found.get(key)
        if leads is None:
            lost += [] if key in gone else [target]
        elif Place(source.shard.id, source.segment, offset, record.header.record_length) in leads:
            moved.append(target)
    targets = (*moved, *lost)
    return Kept(record, offset, targets, tuple(moved)) if targets else None
