"""Everything of a backup: its segments into new shards, and the database rebuilt from them.

Each segment is taken up to the length that the manifest says, so that the store is as it was when the backup was
made, whatever later backups have added.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from mda.errors import Conflict, StorageUnavailable
from mda.maintenance.backup import copy_bytes
from mda.maintenance.manifest import Manifest, ShardCopy
from mda.maintenance.pace import Pace
from mda.maintenance.rebuild import PASSES as REBUILD_PASSES
from mda.maintenance.rebuild import Rebuilt, rebuild
from mda.metadata.checkpoint import load
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.storage import unwritable
from mda.storage.dictionaries import FOLDER as DICTIONARIES
from mda.storage.dictionaries import install, list_dictionaries
from mda.storage.location import segment_path
from mda.storage.seal import SealReason, read_seal, write_seal
from mda.storage.shard import Shard, create_shard
from mda.storage.syscalls import Syscalls

PASSES = 1 + REBUILD_PASSES
"""How often a body is read: it is copied first."""


def restore_all(
    handle: Handle,
    settings: Settings,
    root: Path,
    chosen: Manifest,
    into: Path,
    watch: Callable[[int], None] = lambda octets: None,
) -> Iterator[Rebuilt]:
    """Shards are made below `into`, each in a folder of its name. Conflict where the database is in use, or a folder
    is another shard's; interrupted, it goes on when it is run again. `watch` is told of the octets that are read."""
    load.require_empty(handle)
    pace = Pace(settings.storage.maintenance_bytes_per_second, watch=watch)
    made = []
    for copy in chosen.shards:
        place = into / copy.name
        create_shard(place, copy.id, copy.name)
        _fill(root / copy.folder, place, copy, pace)
        made.append(Shard(copy.id, copy.name, place.as_uri()))
    yield from rebuild(handle, settings, made, watch)


def _fill(source: Path, place: Path, copy: ShardCopy, pace: Pace) -> None:
    for _, path in list_dictionaries(source / DICTIONARIES):
        install(place, path.read_bytes())
    for segment, length in copy.lengths():
        kept = segment_path(source, segment)
        if not kept.exists():
            raise Conflict(f"{kept} is gone from the backup", "use another backup: mda restore --list")
        if length == 0 or read_seal(place, segment) is not None:
            continue
        try:
            segment_path(place, segment).parent.mkdir(exist_ok=True)
            copy_bytes(kept, segment_path(place, segment), length, pace)
            write_seal(place, segment, length, SealReason.CLOSED, Syscalls())
        except OSError as error:
            what = f"{error.filename or place}: {error.strerror}"
            raise StorageUnavailable(what, unwritable.remedy(place, error)) from error
