"""Purge records: the shards are told what is gone for good before the database forgets it.

So a rebuild or a check never brings it back. Dies the process between the two, the next run writes the records
again, which changes nothing.
"""

from datetime import UTC, datetime

from mda.errors import NotFound
from mda.identifiers import IdentifierSource, format_id
from mda.maintenance.shards import all_shards
from mda.metadata.mailbox import retention
from mda.metadata.mailbox.retention import Purged
from mda.metadata.postgresql.opened import Handle
from mda.storage.encode import Encoder
from mda.storage.record import Target
from mda.storage.shard import Shard
from mda.storage.writer import SegmentWriter


def record_purges(handle: Handle, identifiers: IdentifierSource) -> int:
    """Writes the purge records that are due, and removes the content rows; how many contents."""
    shards = {shard.id: shard for shard in all_shards(handle)}
    count = 0
    while due := retention.unrecorded(handle):
        for shard_id in sorted({one.shard_id for one in due}):
            if shard_id not in shards:
                raise NotFound(f"no shard {format_id(shard_id)} in the directory", "a purge record is due there")
            there = [one for one in due if one.shard_id == shard_id]
            _write(shards[shard_id], identifiers, there)
            retention.remove(handle, there)
        count += len(due)
    return count


def _write(shard: Shard, identifiers: IdentifierSource, gone: list[Purged]) -> None:
    writer = SegmentWriter(shard, identifiers)
    try:
        targets = [Target(one.account_id, one.content_id) for one in gone]
        writer.append([Encoder().encode_purges(targets, purged_at=datetime.now(UTC))])
    finally:
        writer.close()
