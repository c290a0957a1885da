"""One maintainer a shard: two compactors would copy the same records twice."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mda.errors import Conflict, StorageUnavailable
from mda.storage import unwritable

LOCK = ".maintenance.lock"


@contextmanager
def maintained(root: Path, name: str) -> Iterator[None]:
    """Holds the shard's lock; Conflict where another process maintains it. The kernel drops it with the process."""
    try:
        fd = os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageUnavailable(f"shard {name} ({root}): {error.strerror}", unwritable.remedy(root, error)) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(f"shard {name} is being maintained by another process", "wait until it is done") from error
        yield
    finally:
        os.close(fd)
