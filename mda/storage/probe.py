"""Looks how a shard's disk fares: space, kind of file system, how fast it makes things durable.

`probe` writes into a file without a name (or removed at once, where the file system knows none), so that nothing is
left behind however it ends. OSError is the caller's to explain.
"""

import os
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

BLOCK_BYTES = 4096
MOST_SYNCS = 50
MOST_SECONDS = 2.0
MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class Disk:
    """`sync_seconds` is what one append of 4 KB with fdatasync takes, on average; None where nothing was written.
    `clock_ahead_seconds` is how far the file system's clock is before ours."""

    free_bytes: int
    total_bytes: int
    free_files: int
    """Inodes; -1 where the file system has no bound for them."""
    kind: str
    """As the kernel names it: ext4, xfs, nfs4, tmpfs ...; empty where it does not say."""
    sync_seconds: float | None
    clock_ahead_seconds: float


def probe(root: Path, *, writes: bool = True) -> Disk:
    """The disk below `root`; OSError where it can't be written or looked at."""
    space = os.statvfs(root)
    free_files = space.f_favail if space.f_files else -1
    rate, ahead = _write(root) if writes else (None, 0.0)
    return Disk(
        free_bytes=space.f_bavail * space.f_frsize,
        total_bytes=space.f_blocks * space.f_frsize,
        free_files=free_files,
        kind=_kind(root),
        sync_seconds=rate,
        clock_ahead_seconds=ahead,
    )


def _write(root: Path) -> tuple[float, float]:
    # TemporaryFile asks for O_TMPFILE first: no name, so a kill at any moment leaves nothing.
    with tempfile.TemporaryFile(dir=root, buffering=0) as file:
        block = bytes(BLOCK_BYTES)
        count, started = 0, time.monotonic()
        while count < MOST_SYNCS and time.monotonic() < started + MOST_SECONDS:
            before = time.time()
            if file.write(block) != BLOCK_BYTES:
                raise OSError("short write")
            os.fdatasync(file.fileno())
            after = time.time()
            count += 1
        spent = (time.monotonic() - started) / count
        stamp = os.fstat(file.fileno()).st_mtime
    # The kernel stamps by its tick, a few milliseconds behind: differences below a second say nothing.
    return spent, max(stamp - after, 0) or min(stamp - before, 0)


def _kind(root: Path) -> str:
    """Of the mount with the folder's device number (proc_pid_mountinfo(5)); the last one made covers others."""
    device = root.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    kind = ""
    try:
        with closing(MOUNTS.open()) as lines:
            for line in lines:
                left, _, right = line.partition(" - ")
                if left.split()[2] == wanted:
                    kind = right.split()[0]
    except OSError:
        return ""
    return kind
