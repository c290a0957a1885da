"""The directory's shards as `mda.storage` knows them."""

from mda.errors import NotFound
from mda.metadata.directory import shards
from mda.metadata.directory.nearest import did_you_mean
from mda.metadata.postgresql.opened import Handle
from mda.storage.shard import Shard, ShardState


def storage_shard(row: shards.Shard) -> Shard:
    return Shard(row.id, row.name, row.url, ShardState(row.state.value))


def all_shards(handle: Handle) -> tuple[Shard, ...]:
    """By name."""
    return tuple(map(storage_shard, shards.list_all(handle)))


def named(handle: Handle, name: str | None) -> tuple[Shard, ...]:
    """The shard of that name, all for None; NotFound with the nearest name."""
    found = all_shards(handle)
    if name is None:
        return found
    chosen = tuple(one for one in found if one.name == name)
    if not chosen:
        raise NotFound(f"no shard {name}", did_you_mean(name, (one.name for one in found)))
    return chosen
