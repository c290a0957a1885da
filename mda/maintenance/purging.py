"""Purge records: the shards are told what is gone for good before the database forgets it.

So a rebuild or a check never brings it back, from the replicas either. Dies the process between the two, the next run
writes the records again, which changes nothing. A second shard that can't be written holds nobody up: that is logged.
"""

from datetime import UTC, datetime

from mda.errors import NotFound, StorageUnavailable
from mda.identifiers import IdentifierSource, format_id
from mda.logs import logger
from mda.maintenance.shards import all_shards
from mda.metadata.mailbox import places, replicas, retention
from mda.metadata.mailbox.erasure import ALL_CONTENTS
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
            _write_seconds(handle, shards, identifiers, there)
            retention.remove(handle, there)
        count += len(due)
    return count


def _write_seconds(handle: Handle, shards: dict[int, Shard], identifiers: IdentifierSource, gone: list[Purged]) -> None:
    """To the shards that hold their replicas."""
    seconds = _seconds(handle, gone)
    for shard_id in sorted({one.shard_id for one in seconds} & shards.keys()):
        try:
            _write(shards[shard_id], identifiers, [one for one in seconds if one.shard_id == shard_id])
        except StorageUnavailable as error:
            shard = shards[shard_id].name
            logger("storage").warning("purge_not_recorded", shard=shard, error=error.message, remedy=error.remedy)


def _seconds(handle: Handle, gone: list[Purged]) -> list[Purged]:
    """Those that have replicas, with their shards; what stands for all of an account may be on several."""
    leads = places.look_up(handle, [(one.account_id, one.content_id) for one in gone])
    found = [Purged(*key, lead.replica.shard_id) for key, lead in leads.items() if lead.replica is not None]
    for one in gone:
        if one.content_id == ALL_CONTENTS:
            shard_ids = replicas.shards_of(handle, one.account_id)
            found += [Purged(one.account_id, ALL_CONTENTS, shard_id) for shard_id in shard_ids - {one.shard_id}]
    return found


def _write(shard: Shard, identifiers: IdentifierSource, gone: list[Purged]) -> None:
    writer = SegmentWriter(shard, identifiers)
    try:
        targets = [Target(one.account_id, one.content_id) for one in gone]
        writer.append([Encoder().encode_purges(targets, purged_at=datetime.now(UTC))])
    finally:
        writer.close()
