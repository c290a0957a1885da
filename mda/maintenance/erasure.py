"""Erasure: what was purged urgently leaves every segment of every shard, not only mostly dead ones.

Every segment is read, also for copies that no row leads to (of moves, of an interrupted compaction). Segments that
hold something to be erased are rewritten without it. What is still being written, or has been sealed just now, is
left for the next run; a content is done when a run has found it nowhere.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mda.identifiers import IdentifierSource
from mda.maintenance.compaction import Compacted, Removed, Rules, remove_retired, rewrite, settled_sources
from mda.maintenance.pace import Pace
from mda.maintenance.purging import record_purges
from mda.maintenance.shards import all_shards
from mda.metadata.mailbox import places
from mda.metadata.mailbox.erasure import ALL_CONTENTS
from mda.metadata.mailbox.places import Key
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.storage.abandoned import list_segments, seal_abandoned
from mda.storage.decode import decode_head
from mda.storage.folder_lock import maintained
from mda.storage.location import segment_path
from mda.storage.record import Malformed
from mda.storage.scan import Found, scan_segment
from mda.storage.seal import read_seal
from mda.storage.shard import Shard, open_shard


@dataclass(frozen=True, slots=True)
class Erased:
    """How it ended: what is in no segment any more, and in how many segments the rest still is."""

    done: int
    waiting: int
    segments_left: int


def erase(
    handle: Handle,
    settings: Settings,
    rules: Rules,
    identifiers: IdentifierSource,
    watch: Callable[[int], None] = lambda octets: None,
) -> Iterator[Compacted | Removed | Erased]:
    """One run over all shards; the last value is `Erased`. `watch` is told of the octets that are looked through."""
    record_purges(handle, identifiers)
    wanted = places.urgent(handle)
    if not wanted:
        yield Erased(0, 0, 0)
        return
    pace = Pace(settings.storage.maintenance_bytes_per_second, watch=watch)
    left: set[Key] = set()
    segments_left = 0
    for shard in all_shards(handle):
        open_shard(shard.root, shard.id, shard.name)
        with maintained(shard.root, shard.name):
            seal_abandoned(shard)
            holding = {segment for segment, _ in list_segments(shard.root) if _held(shard, segment, wanted, pace)}
            chosen = [one for one in settled_sources(shard, rules.settled_seconds) if one.segment in holding]
            yield from rewrite(handle, shard, settings, identifiers, chosen)
            yield from remove_retired(handle, shard, rules.grace_seconds)
            pace.resume()  # the rewriting kept a pace of its own
            for segment, _ in list_segments(shard.root):
                held = _held(shard, segment, wanted, pace) if segment in holding else frozenset()
                left |= held
                segments_left += bool(held)
    places.forget_purged(handle, wanted - left)
    yield Erased(len(wanted - left), len(left), segments_left)


def _held(shard: Shard, segment: int, wanted: frozenset[Key], pace: Pace) -> frozenset[Key]:
    """Which of `wanted` the segment has a record of."""
    seal = read_seal(shard.root, segment)
    found: set[Key] = set()
    for step in scan_segment(segment_path(shard.root, segment), seal.length if seal else None):
        if not isinstance(step, Found):
            continue
        pace.spend(step.length)
        try:
            _, meta = decode_head(step.stored)
        except Malformed:
            continue  # its metadata names nobody
        for target in meta.targets if meta else ():
            keys = {(target.account_id, target.content_id), (target.account_id, ALL_CONTENTS)}
            found |= keys & wanted
    return frozenset(found)
