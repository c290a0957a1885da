"""The shards: their folders, space, and how fast they make bodies durable."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mda.checks.finding import Finding, error, ok, warning
from mda.checks.site import Site
from mda.errors import MdaError
from mda.identifiers import created_at
from mda.metadata.directory.shards import Shard, ShardState
from mda.settings import Settings
from mda.storage import unwritable
from mda.storage.probe import Disk, probe
from mda.storage.shard import open_shard, shard_root

SCARCE_SHARE = 0.1
SCARCE_BYTES = 2_000_000_000
EMPTY_BYTES = 200_000_000
SCARCE_FILES = 10_000
SLOW_SYNC_SECONDS = 0.05
MOST_CLOCK_DIFFERENCE_SECONDS = 5
MOST_CHECKPOINT_DAYS = 2
"""conf/systemd/mda-checkpoint.timer writes one each night."""

USER = "mda"

FORGETFUL = frozenset({"tmpfs", "ramfs"})
SHARED = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})

DEFERRED = "mail for its accounts is deferred (4.3.0)"


def check(
    shards: Sequence[Shard],
    settings: Settings,
    site: Site,
    pairs: Iterable[tuple[int, int]] = (),
    checkpoints: Mapping[int, int] | None = None,
) -> Iterator[Finding]:
    """Every shard of the directory. `pairs` are the first and second shards that accounts have, by id; `checkpoints`
    the ids of the shards' last ones, 0 for none."""
    if not any(shard.state is ShardState.ACTIVE and shard.weight > 0 for shard in shards):
        remedy = _active(shards, site)
        yield error("shard.active", "no active shard takes new accounts", "no account can be added", remedy)
    for shard in shards:
        yield from _check(shard, settings, site)
        if checkpoints is not None:
            yield from _checkpoint(shard, checkpoints[shard.id], site)
    by_id = {shard.id: shard for shard in shards}
    for first, second in pairs:
        yield from _apart(by_id[first], by_id[second], shards, site)


def _active(shards: Sequence[Shard], site: Site) -> str:
    """The shard that is nearest to taking accounts; the first one where there is none."""
    if not shards:
        return site.mda("init")
    order = (ShardState.ACTIVE, ShardState.DRAINING, ShardState.READONLY)
    nearest = min(shards, key=lambda shard: order.index(shard.state))
    return site.mda("shard", "set", nearest.name, "--state", "active", "--weight", str(max(nearest.weight, 1)))


def _check(shard: Shard, settings: Settings, site: Site) -> Iterator[Finding]:
    is_written = shard.state is not ShardState.READONLY
    try:
        root = open_shard(shard_root(shard.url), shard.id, shard.name)
    except MdaError as trouble:
        renewed = site.mda("shard", "renew", shard.name)
        remedy = f"mount the disk of {shard_root(shard.url)}; where it is lost for good: {renewed}"
        yield error("shard.folder", trouble.message, DEFERRED, remedy)
        return
    try:
        disk = probe(root, writes=is_written)
    except OSError as trouble:
        text = f"shard {shard.name}: {root} can't be written: {trouble.strerror}"
        yield error("shard.writable", text, DEFERRED, unwritable.remedy(root, trouble, _owner(settings)))
        return
    yield ok("shard.disk", f"shard {shard.name}: {_described(disk)}")
    if is_written:
        yield from _space(shard, disk, settings)
        yield from _kind(shard, disk)
        yield from _speed(shard, disk)


def _owner(settings: Settings) -> str:
    """The service's user: whom the data folder belongs to."""
    try:
        return unwritable.user_name(Path(settings.data_dir).stat().st_uid)
    except OSError:
        return USER


def _checkpoint(shard: Shard, last: int, site: Site) -> Iterator[Finding]:
    """The backup of what is in PostgreSQL alone. A shard is as old as its id."""
    age = datetime.now(UTC) - created_at(last or shard.id)
    if age > timedelta(days=MOST_CHECKPOINT_DAYS):
        known = f"its last checkpoint is {age.days} days old" if last else "it has no checkpoint"
        written = site.mda("storage", "checkpoint", "--shard", shard.name)
        yield warning(
            "shard.checkpoint",
            f"shard {shard.name}: {known}",
            "if the database is lost, so are accounts, mailboxes and flags of since then",
            f"{written} && systemctl enable --now mda-checkpoint.timer",
        )


def _apart(first: Shard, second: Shard, shards: Sequence[Shard], site: Site) -> Iterator[Finding]:
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
            _elsewhere(first, second, devices, shards, site),
        )


def _elsewhere(first: Shard, second: Shard, devices: set[int], shards: Sequence[Shard], site: Site) -> str:
    """For the accounts of these two shards alone, another second shard, where there is one on another disk."""

    def replicas_on(name: str) -> str:
        return site.mda("account", "replica", "--from", first.name, "--now-on", second.name, "--shard", name)

    for other in shards:
        with suppress(OSError, MdaError):
            if other.state is ShardState.ACTIVE and shard_root(other.url).stat().st_dev not in devices:
                return f"{replicas_on(other.name)} && {site.mda('storage', 'replicate')}"
    added = site.mda("shard", "add", "NAME", "FOLDER")
    return f"add a shard on another disk ({added}), then: {replicas_on('NAME')}"


def _space(shard: Shard, disk: Disk, settings: Settings) -> Iterator[Finding]:
    free = f"shard {shard.name}: {disk.free_bytes / 1e9:.1f} GB of {disk.total_bytes / 1e9:.1f} GB are free"
    space = f"free space below {shard_root(shard.url)}, or enlarge its disk, or move accounts away: mda shard move"
    # Each worker may fill a segment before anybody looks again.
    least = max(EMPTY_BYTES, settings.worker_count * settings.storage.segment_bytes)
    if disk.free_bytes < least:
        yield error("shard.space", free, "mail is deferred (4.3.1) once it is full", space)
    elif disk.free_bytes < min(disk.total_bytes * SCARCE_SHARE, SCARCE_BYTES):
        yield warning("shard.space", free, "mail is deferred (4.3.1) once it is full", space)
    if 0 <= disk.free_files < SCARCE_FILES:
        yield warning(
            "shard.files",
            f"shard {shard.name}: room for {disk.free_files} more files (inodes)",
            "mail is deferred (4.3.1) once none is left",
            "remove files of others from its disk, or move it to a file system with more inodes (mkfs.ext4 -N)",
        )


def _kind(shard: Shard, disk: Disk) -> Iterator[Finding]:
    if disk.kind in FORGETFUL:
        yield warning(
            "shard.file_system",
            f"shard {shard.name} is kept in memory ({disk.kind})",
            "all its mail is lost when the machine restarts",
            "add a shard on a disk (mda shard add), and move all its accounts there: mda shard drain",
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
            "let nobody else use its disk (iostat -x 1 shows who does), or take one that syncs faster",
        )
    if abs(disk.clock_ahead_seconds) > MOST_CLOCK_DIFFERENCE_SECONDS:
        yield warning(
            "shard.clock",
            f"shard {shard.name}: its file server's clock is {disk.clock_ahead_seconds:+.0f} s from ours",
            "segments are taken for older or younger than they are",
            "run on both machines: timedatectl set-ntp true",
        )


def _described(disk: Disk) -> str:
    kind = f"{disk.kind}, " if disk.kind else ""
    rate = "" if disk.sync_seconds is None else f", {1 / max(disk.sync_seconds, 1e-6):.0f} fdatasync/s"
    return f"{kind}{disk.free_bytes / 1e9:.1f} GB free{rate}"
