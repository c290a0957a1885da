"""The shards: their folders, space, and how fast they make bodies durable."""

import errno
from collections.abc import Iterable, Iterator, Sequence

from mda.checks.finding import Finding, error, ok, warning
from mda.errors import MdaError
from mda.metadata.directory.shards import Shard, ShardState
from mda.settings import Settings
from mda.storage.probe import Disk, probe
from mda.storage.shard import open_shard, shard_root

SCARCE_SHARE = 0.1
SCARCE_BYTES = 2_000_000_000
EMPTY_BYTES = 200_000_000
SCARCE_FILES = 10_000
SLOW_SYNC_SECONDS = 0.05
MOST_CLOCK_DIFFERENCE_SECONDS = 5

FORGETFUL = frozenset({"tmpfs", "ramfs"})
SHARED = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})

DEFERRED = "mail for its accounts is deferred (4.3.0)"


def check(shards: Sequence[Shard], settings: Settings, pairs: Iterable[tuple[int, int]] = ()) -> Iterator[Finding]:
    """Every shard of the directory. `pairs` are the first and second shards that accounts have, by id."""
    if not any(shard.state is ShardState.ACTIVE and shard.weight > 0 for shard in shards):
        yield error("shard.active", "no active shard takes new accounts", "no account can be added", "mda init")
    for shard in shards:
        yield from _check(shard, settings)
    by_id = {shard.id: shard for shard in shards}
    for first, second in pairs:
        yield from _apart(by_id[first], by_id[second])


def _check(shard: Shard, settings: Settings) -> Iterator[Finding]:
    is_written = shard.state is not ShardState.READONLY
    try:
        root = open_shard(shard_root(shard.url), shard.id, shard.name)
    except MdaError as trouble:
        yield error("shard.folder", trouble.message, DEFERRED, trouble.remedy)
        return
    try:
        disk = probe(root, writes=is_written)
    except OSError as trouble:
        remedy = "free space" if trouble.errno in (errno.ENOSPC, errno.EDQUOT) else f"chown -R mda: {root}"
        yield error(
            "shard.writable", f"shard {shard.name}: {root} can't be written: {trouble.strerror}", DEFERRED, remedy
        )
        return
    yield ok("shard.disk", f"shard {shard.name}: {_described(disk)}")
    if is_written:
        yield from _space(shard, disk, settings)
        yield from _kind(shard, disk)
        yield from _speed(shard, disk)


def _apart(first: Shard, second: Shard) -> Iterator[Finding]:
    """Replicas are worth something on another disk."""
    try:
        devices = {shard_root(shard.url).stat().st_dev for shard in (first, second)}
    except OSError:
        return  # told by its own line
    if len(devices) == 1:
        yield warning(
            "shard.replicas",
            f"shards {first.name} and {second.name} hold replicas of each other's mail, and are on one disk",
            "both copies are lost with it",
            f"move {second.name} to another disk, or choose another second shard: mda account replica",
        )


def _space(shard: Shard, disk: Disk, settings: Settings) -> Iterator[Finding]:
    free = f"shard {shard.name}: {disk.free_bytes / 1e9:.1f} GB of {disk.total_bytes / 1e9:.1f} GB are free"
    # Each worker may fill a segment before anybody looks again.
    least = max(EMPTY_BYTES, settings.worker_count * settings.storage.segment_bytes)
    if disk.free_bytes < least:
        yield error("shard.space", free, "mail is deferred (4.3.1) once it is full", "free space, or enlarge the disk")
    elif disk.free_bytes < min(disk.total_bytes * SCARCE_SHARE, SCARCE_BYTES):
        yield warning(
            "shard.space", free, "mail is deferred (4.3.1) once it is full", "free space, or enlarge the disk"
        )
    if 0 <= disk.free_files < SCARCE_FILES:
        yield warning(
            "shard.files",
            f"shard {shard.name}: room for {disk.free_files} more files (inodes)",
            "mail is deferred (4.3.1) once none is left",
            "remove files, or make the file system with more inodes (mkfs.ext4 -N)",
        )


def _kind(shard: Shard, disk: Disk) -> Iterator[Finding]:
    if disk.kind in FORGETFUL:
        yield warning(
            "shard.file_system",
            f"shard {shard.name} is kept in memory ({disk.kind})",
            "all its mail is lost when the machine restarts",
            "move it to a disk",
        )
    elif disk.kind in SHARED:
        yield warning(
            "shard.file_system",
            f"shard {shard.name} is on {disk.kind}",
            "locks may not reach other machines, and durability is what the file server promises",
            "serve a shard from one machine only; export it with sync",
        )


def _speed(shard: Shard, disk: Disk) -> Iterator[Finding]:
    if disk.sync_seconds is not None and disk.sync_seconds > SLOW_SYNC_SECONDS:
        yield warning(
            "shard.speed",
            f"shard {shard.name}: one fdatasync takes {disk.sync_seconds * 1000:.0f} ms",
            "each delivery waits at least that long, and a batch of many no less",
            "iostat -x 1, to see who else uses the disk; a write-back cache with a battery helps",
        )
    if abs(disk.clock_ahead_seconds) > MOST_CLOCK_DIFFERENCE_SECONDS:
        yield warning(
            "shard.clock",
            f"shard {shard.name}: its file server's clock is {disk.clock_ahead_seconds:+.0f} s from ours",
            "segments are taken for older or younger than they are",
            "timedatectl set-ntp true, on both machines",
        )


def _described(disk: Disk) -> str:
    kind = f"{disk.kind}, " if disk.kind else ""
    rate = "" if disk.sync_seconds is None else f", {1 / max(disk.sync_seconds, 1e-6):.0f} fdatasync/s"
    return f"{kind}{disk.free_bytes / 1e9:.1f} GB free{rate}"
