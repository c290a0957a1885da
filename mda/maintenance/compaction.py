"""Compaction: what lives in segments that are mostly dead is written again, and their files are removed.

Runs beside deliveries: it reads sealed segments only, those that were sealed long enough ago that no delivery can
still be on its way from body to row. A segment is retired when its living records are elsewhere, and removed when its
time of grace is over and no row leads to it. A kill at any moment costs copies that no row leads to, which a later
compaction leaves out.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mda.errors import RecordDamaged, StorageUnavailable
from mda.identifiers import IdentifierSource, format_id
from mda.logs import logger
from mda.maintenance.live_copy import Copied, LiveCopier, Source
from mda.maintenance.pace import Pace
from mda.metadata.mailbox import places
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.storage.abandoned import list_segments, seal_abandoned
from mda.storage.body import Codecs
from mda.storage.dictionaries import Dictionaries
from mda.storage.encode import Encoder
from mda.storage.folder_lock import maintained
from mda.storage.retired import clear_litter, list_retired, remove, retire, revive
from mda.storage.seal import read_seal
from mda.storage.shard import Shard, open_shard
from mda.storage.writer import SegmentWriter

DEAD_SHARE = 0.5
"""Of a segment's bytes: above it, copying the rest gains more than it costs."""

SETTLED_FACTOR = 4
"""Times delivery.deadline_seconds: nothing of a segment sealed so long ago is still on its way to its row."""


@dataclass(frozen=True, slots=True)
class Rules:
    """From which `dead_share` on a segment is compacted; its least age since the seal and a retired one's grace, in
    seconds."""

    dead_share: float
    settled_seconds: float
    grace_seconds: float


@dataclass(frozen=True, slots=True)
class Compacted:
    """One segment's outcome: its living records are elsewhere now. `error` says why they are not."""

    segment: int
    copied: Copied
    error: str = ""


@dataclass(frozen=True, slots=True)
class Removed:
    """A retired segment's file is gone."""

    segment: int


def rules_of(settings: Settings, dead_share: float = DEAD_SHARE, grace_seconds: float | None = None) -> Rules:
    grace = settings.storage.removal_grace_seconds if grace_seconds is None else grace_seconds
    return Rules(dead_share, SETTLED_FACTOR * settings.delivery.deadline_seconds, grace)


def compact(
    handle: Handle,
    shard: Shard,
    settings: Settings,
    rules: Rules,
    identifiers: IdentifierSource,
    watch: Callable[[int], None] = lambda octets: None,
) -> Iterator[Compacted | Removed]:
    """Removes what an earlier run has retired, compacts the shard's segments that are mostly dead, and removes again;
    each step as it is done, and `watch` is told of the octets of their records. Conflict where another process
    maintains the shard."""
    open_shard(shard.root, shard.id, shard.name)
    with maintained(shard.root, shard.name):
        seal_abandoned(shard)
        # First, too: a run that is always broken off before its end would never give any space back.
        yield from remove_retired(handle, shard, rules.grace_seconds)
        chosen = _mostly_dead(places.live_bytes(handle, shard.id), shard, rules)
        yield from rewrite(handle, shard, settings, identifiers, chosen, rules.dead_share, watch=watch)
        yield from remove_retired(handle, shard, rules.grace_seconds)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A segment that is mostly dead by its rows, `live_bytes` of `bytes` aside; its records may know of more life."""

    shard: str
    segment: int
    bytes: int
    live_bytes: int


def candidates(handle: Handle, shard: Shard, rules: Rules) -> tuple[Candidate, ...]:
    """What `compact` would look at, oldest first; changes nothing."""
    open_shard(shard.root, shard.id, shard.name)
    live = places.live_bytes(handle, shard.id)
    return tuple(
        Candidate(shard.name, source.segment, source.seal.length, live.get(source.segment, 0))
        for source in _mostly_dead(live, shard, rules)
    )


def rewrite(
    handle: Handle,
    shard: Shard,
    settings: Settings,
    identifiers: IdentifierSource,
    chosen: Sequence[Source],
    dead_share: float = 0.0,
    *,
    skips_damage: bool = False,
    watch: Callable[[int], None] = lambda octets: None,
) -> Iterator[Compacted]:
    """Writes what lives in the sources again, on the same shard, and retires them; sources of which less than
    `dead_share` turns out to be dead stay. Call with the shard's lock held."""
    if not chosen:
        return
    dictionaries = Dictionaries(shard.root)
    encoder = Encoder(settings.storage.compression_level, dictionaries)
    codecs = Codecs(dictionaries=dictionaries)
    writer = SegmentWriter(shard, identifiers, encoder=encoder, segment_bytes=settings.storage.segment_bytes)
    pace = Pace(settings.storage.maintenance_bytes_per_second, watch=watch)
    copier = LiveCopier(handle, shard, writer, encoder, pace, codecs, skips_damage=skips_damage)
    try:
        for source in chosen:
            done = _rewrite_one(copier, source, dead_share)
            if done is not None:
                yield done
    finally:
        writer.close()


def remove_retired(handle: Handle, shard: Shard, grace_seconds: float) -> Iterator[Removed]:
    """Removes retired segments whose grace is over and to which no row leads. Call with the shard's lock held."""
    now = time.time()
    due = [one.segment for one in list_retired(shard.root) if one.retired_at + grace_seconds <= now]
    used = places.still_used(handle, shard.id, due)
    for segment in due:
        if segment in used:
            # A database that was restored leads to where its rows were then.
            logger("storage").warning("retired_segment_in_use", shard=shard.name, segment=format_id(segment))
            revive(shard.root, segment)
            continue
        try:
            remove(shard.root, segment)
        except OSError as error:
            raise StorageUnavailable(f"shard {shard.name} ({shard.root}): {error.strerror}") from error
        yield Removed(segment)
    clear_litter(shard.root)


def settled_sources(shard: Shard, settled_seconds: float) -> list[Source]:
    """Sealed segments that nothing is on its way from, and that are not retired, oldest first."""
    retired = {one.segment for one in list_retired(shard.root)}
    seals = (read_seal(shard.root, segment) for segment, is_sealed in list_segments(shard.root) if is_sealed)
    limit = time.time() - settled_seconds
    return [
        Source(shard, seal)
        for seal in seals
        if seal is not None and seal.segment not in retired and seal.sealed_at <= limit
    ]


def _mostly_dead(live: Mapping[int, int], shard: Shard, rules: Rules) -> list[Source]:
    return [
        source
        for source in settled_sources(shard, rules.settled_seconds)
        if live.get(source.segment, 0) <= source.seal.length * (1 - rules.dead_share)
    ]


def _rewrite_one(copier: LiveCopier, source: Source, dead_share: float) -> Compacted | None:
    try:
        # Rows alone do not tell: commit records, purge records and lost mail live without one.
        if dead_share > 0 and copier.measure(source) > source.seal.length * (1 - dead_share):
            return None
        copied = copier.copy(source)
    except RecordDamaged as error:
        # What was copied so far stays: its rows lead to the copies. The rest is for the check to mend.
        logger("storage").error("segment_not_compacted", error=error.message, remedy=error.remedy)
        return Compacted(source.segment, Copied(), error.message)
    try:
        retire(source.shard.root, source.segment)
    except OSError as error:
        raise StorageUnavailable(f"shard {source.shard.name} ({source.shard.root}): {error.strerror}") from error
    return Compacted(source.segment, copied)
