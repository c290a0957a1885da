"""The system calls that durability rests on, in one place, so that a test can watch their order and make them fail.

`Syscalls` is `os`, no more; `write_whole` finishes short writes; `sync_folder`, `make_folder` and `replace_file` are
the idioms built from it: after each of these three returns, what it made is found again after a power cut (on a file
system that keeps fsync's promise).
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
IOV_MAX = 1024
"""Buffers a pwritev may take: the least that Linux and the BSDs promise (limits.h)."""


class Syscalls:
    """The real calls."""

    def create(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE_MODE)

    def open_folder(self, path: Path) -> int:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def mkdir(self, path: Path) -> None:
        path.mkdir(mode=_FOLDER_MODE)

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        return os.pwritev(fd, buffers, offset)

    def fdatasync(self, fd: int) -> None:
        os.fdatasync(fd)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)

    def truncate(self, fd: int, length: int) -> None:
        os.ftruncate(fd, length)

    def is_at(self, fd: int, path: Path) -> bool:
        """Whether `path` leads to this open file."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(fd), found)

    def rename(self, source: Path, target: Path) -> None:
        source.rename(target)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def close(self, fd: int) -> None:
        os.close(fd)


def write_whole(system: Syscalls, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
    """Writes all of `buffers` at `offset`, however many calls that takes; the number of bytes written. OSError where
    the kernel gives up: then any part of them may be in the file."""
    left = [memoryview(buffer) for buffer in buffers if buffer]
    end = offset
    while left:
        written = system.pwritev(fd, left[:IOV_MAX], end)
        if written <= 0:
            raise OSError(errno.EIO, "the kernel wrote nothing")
        end += written
        left = _after(left, written)
    return end - offset


def _after(buffers: list[memoryview], written: int) -> list[memoryview]:
    """What is left of `buffers` behind their first `written` bytes."""
    for index, buffer in enumerate(buffers):
        if written < len(buffer):
            return [buffer[written:], *buffers[index + 1 :]]
        written -= len(buffer)
    return []


def sync_folder(system: Syscalls, folder: Path) -> None:
    """Makes the folder's entries durable."""
    fd = system.open_folder(folder)
    try:
        system.fsync(fd)
    finally:
        system.close(fd)


def make_folder(system: Syscalls, folder: Path) -> None:
    """Makes `folder`, unless it is there, in a parent that is there, and makes its entry durable.

    The parent is synced in either case: who finds the folder there can't know whether its maker came that far.
    """
    try:
        system.mkdir(folder)
    except FileExistsError:
        if not folder.is_dir():
            raise
    sync_folder(system, folder.parent)


def replace_file(system: Syscalls, path: Path, content: bytes) -> None:
    """Writes `path` whole or not at all: a file of another name, synced, renamed, its folder synced."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    fd = system.create(draft)
    try:
        write_whole(system, fd, [content], 0)
        system.fsync(fd)
    finally:
        system.close(fd)
    system.rename(draft, path)
    sync_folder(system, path.parent)
