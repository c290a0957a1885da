"""How much of its machine the embedded server takes (docs/decisions/0028-the-embedded-server-has-its-share.md).

PostgreSQL's own defaults are for a machine of any size. Where mail goes to accounts by the million, each delivery finds
other pages: with few buffers it first writes somebody else's page, and with little WAL between checkpoints nearly every
page is logged whole.
"""

import contextlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

MEMORY_SHARE = 8
"""Of the memory, one part in so many: workers, Postfix, and the page cache of the segments want it, too."""

LEAST_BUFFERS, MOST_BUFFERS = 128 << 20, 2 << 30
"""Octets. What a delivery touches again and again, indexes' upper levels, is in a few hundred megabytes."""

DISK_SHARE = 32
LEAST_WAL, MOST_WAL = 1 << 30, 2 << 30
"""Octets, which is about what a crash leaves to be replayed: 20 s for each thousand million."""

CGROUPS = Path("/sys/fs/cgroup")


def buffers(memory_octets: int) -> int:
    """Octets of shared_buffers, in whole megabytes; the least where the kernel would not lend so many."""
    wanted = min(max(memory_octets // MEMORY_SHARE, LEAST_BUFFERS), MOST_BUFFERS)
    return wanted >> 20 << 20 if _is_lent(wanted) else LEAST_BUFFERS


def wal(disk_octets: int) -> int:
    """Octets of max_wal_size, in whole megabytes, of the disk's whole size."""
    return min(max(disk_octets // DISK_SHARE, LEAST_WAL), MOST_WAL) >> 20 << 20


def memory(cgroups: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """Octets that this machine has, or that our control group and those above it leave us of them."""
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_limits(cgroups, own)])


def _limits(cgroups: Path, own: Path) -> Iterator[int]:
    """Of either version (cgroups(7)). Seen from inside of a container, where `own` is a path of the machine around it,
    the root has the container's limit."""
    with contextlib.suppress(OSError):
        for line in own.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield from _numbers(cgroups, path, "memory.max")
            elif "memory" in controllers.split(","):
                yield from _numbers(cgroups / "memory", path, "memory.limit_in_bytes")


def _numbers(root: Path, path: str, name: str) -> Iterator[int]:
    group = root / path.lstrip("/")
    for folder in (group, *group.parents):
        if folder.is_relative_to(root):
            with contextlib.suppress(OSError, ValueError):  # no such group here; "max"
                yield int((folder / name).read_text())


def _is_lent(octets: int) -> bool:
    """Whether such a mapping is granted (vm.overcommit_memory and limits of ours may refuse it); none of it is used."""
    try:
        mmap.mmap(-1, octets).close()
    except (OSError, ValueError):
        return False
    return True
