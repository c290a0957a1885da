"""One copy of a file's bytes for all processes of a machine: a read-only map of a file of our own.

What is mapped must not be truncated by anybody: the next touch of it is SIGBUS, which ends a process. So the file that
admins and packages write is never mapped, but a copy that is named by its content, belongs to nobody's habits, and
can't be opened for writing by its owner. It is a cache: whoever finds none, or one of other bytes, makes it anew.
"""

import mmap
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

PREFIX = "mapped-"
_UNFINISHED = ".new"
_ABANDONED_SECONDS = 60.0


def shared(content: bytes, folder: Path, name: str) -> memoryview:
    """`content`, mapped from `folder`; `name` must stand for these very bytes. OSError where there can be no copy.

    Copies of other names are unlinked: who has mapped them keeps them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / (PREFIX + name)
    found = _mapped(place, content)
    if found is None:
        place.unlink(missing_ok=True)
        _publish(content, place)
        _clean(folder, place)
        found = _mapped(place, content)
    if found is None:
        raise OSError(f"{place} is not what was written to it")
    return memoryview(found)


def _mapped(place: Path, content: bytes) -> mmap.mmap | None:
    """None where the file is missing or of other bytes."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        if os.fstat(descriptor).st_size != len(content):
            return None
        found = mmap.mmap(descriptor, len(content), flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    finally:
        os.close(descriptor)
    return found if found[:] == content else None


def _publish(content: bytes, place: Path) -> None:
    """Of several that do so at once, the first one's file stays: all map the same."""
    descriptor, name = tempfile.mkstemp(_UNFINISHED, PREFIX, place.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            os.fchmod(stream.fileno(), 0o400)
        with suppress(FileExistsError):
            os.link(name, place)
    finally:
        Path(name).unlink()


def _clean(folder: Path, place: Path) -> None:
    for other in folder.glob(PREFIX + "*"):
        with suppress(FileNotFoundError):
            is_in_hand = other.suffix == _UNFINISHED and time.time() - other.stat().st_mtime < _ABANDONED_SECONDS
            if other != place and not is_in_hand:
                other.unlink()
