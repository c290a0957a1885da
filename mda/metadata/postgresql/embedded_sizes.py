"""How much of its machine the embedded server takes (docs/decisions/0028-the-embedded-server-has-its-share.md).

PostgreSQL's own defaults are for a machine of any size. Where mail goes to accounts by the million, each delivery finds
other pages: with few buffers it first writes somebody else's page, and with little WAL between checkpoints nearly every
page is logged whole.
"""

import contextlib
import mmap
from collections.abc import Iterator
from pathlib import Path

MEMORY_SHARE = 8
"""Of the memory, one part in so many: workers, Postfix, and the page cache of the segments want it, too."""

LEAST_BUFFERS, MOST_BUFFERS = 128 << 20, 2 << 30
"""Octets. What a delivery touches again and again, indexes' upper levels, is in a few hundred megabytes."""

ROOM_SHARE = 4
DISK_SHARE = 32
LEAST_WAL, MOST_WAL = 1 << 30, 2 << 30
"""Octets, which is about what a crash leaves to be replayed: 20 s for each thousand million."""

CGROUPS, PROC = Path("/sys/fs/cgroup"), Path("/proc")


def buffers(memory_octets: int) -> int | None:
    """Octets of shared_buffers, in whole megabytes; the least where the kernel would not lend so many, None where it
    would not lend the least."""
    wanted = min(max(memory_octets // MEMORY_SHARE, LEAST_BUFFERS), MOST_BUFFERS) >> 20 << 20
    return next(filter(_is_lent, (wanted, LEAST_BUFFERS)), None)


def wal(disk_octets: int) -> int:
    """Octets of max_wal_size, in whole megabytes, of the disk's whole size."""
    return min(max(disk_octets // DISK_SHARE, LEAST_WAL), MOST_WAL) >> 20 << 20


def memory(cgroups: Path = CGROUPS, own: Path = PROC / "self/cgroup", machine: Path = PROC / "meminfo") -> int:
    """Octets that this machine has, as its container shows it, or that control groups leave us of them."""
    total = next(line for line in machine.read_text().splitlines() if line.startswith("MemTotal:"))
    return min([int(total.split()[1]) << 10, *_limits(cgroups, own)])


def _limits(cgroups: Path, own: Path) -> Iterator[int]:
    """Of either version (cgroups(7)). Seen from inside of a container, where `own` is a path of the machine around it,
    the root has the container's limit."""
    with contextlib.suppress(OSError):
        for line in own.read_text(errors="replace").splitlines():
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
    """Whether such buffers, with room for what goes with them and for backends, would be mapped: vm.overcommit_memory
    and limits of ours may refuse it. None of it is used."""
    try:
        mmap.mmap(-1, octets + octets // ROOM_SHARE).close()
    except (OSError, ValueError):
        return False
    return True
