"""Processor time of trees of processes, as /proc has it; of children that have ended too, once they are waited for."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path


def of_folder(folder: Path) -> float:
    """Seconds of every process that names the folder in its command or works in it, and of their descendants.

    The embedded PostgreSQL is started by a path relative to its data folder, and names none.
    """

    def is_root(pid: int, command: bytes) -> bool:
        return str(folder).encode() in command or _works_in(pid).is_relative_to(folder)

    return _used(is_root)


def of_folders(folders: Iterable[Path]) -> float:
    """Seconds of each, as `of_folder`; no process may be of two."""
    return sum(map(of_folder, folders))


def of_processes(pids: Collection[int]) -> float:
    """Seconds of these processes and of their descendants."""
    return _used(lambda pid, _: pid in pids)


def _used(is_root: Callable[[int, bytes], bool]) -> float:
    parents, used, roots = {}, {}, set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended
        pid = int(entry.name)
        parents[pid], used[pid] = int(words[1]), sum(map(int, words[11:15]))
        if is_root(pid, command):
            roots.add(pid)
    ours = {pid for pid in parents if _descends(pid, parents, roots)}
    return sum(used[pid] for pid in ours) / os.sysconf("SC_CLK_TCK")


def _works_in(pid: int) -> Path:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return Path("/")  # it has ended


def _descends(pid: int, parents: Mapping[int, int], roots: Collection[int]) -> bool:
    while pid in parents:
        if pid in roots:
            return True
        pid = parents[pid]
    return False
