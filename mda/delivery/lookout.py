"""A worker's look at what it depends on, every few seconds: the database, and the disks of the shards."""

import os
from collections.abc import Callable, Sequence

from mda.errors import MdaError
from mda.metrics import recorder
from mda.metrics.families import DATABASE_UP, SHARD_FREE, SHARD_UP
from mda.storage.shard import Shard

LOOK_SECONDS = 5.0


def look_out(list_shards: Callable[[], Sequence[Shard]]) -> int:
    """Sets the gauges; MdaError, after it, where the database can't be reached."""
    try:
        shards = list_shards()
    except MdaError:
        recorder.put(DATABASE_UP, 0)
        raise
    recorder.put(DATABASE_UP, 1)
    for shard in shards:
        _look_at(shard)
    return 0


def _look_at(shard: Shard) -> None:
    try:
        found = os.statvfs(shard.root)
    except (OSError, MdaError):
        recorder.put(SHARD_UP, 0, shard.name)
    else:
        recorder.put(SHARD_UP, 1, shard.name)
        recorder.put(SHARD_FREE, found.f_bavail * found.f_frsize, shard.name)
