"""Reads a record that lies twice: where the first can't be read, the second, and the log says so."""

from collections.abc import Callable
from typing import TypeVar

from mda.errors import NotFound, RecordDamaged, StorageUnavailable
from mda.logs import logger

Place = TypeVar("Place")
Found = TypeVar("Found")

UNREADABLE = (RecordDamaged, NotFound, StorageUnavailable)


def read_either(read: Callable[[Place], Found], first: Place, second: Place | None) -> Found:
    """What `read` gives of the first place, or else of the second; the first one's error where neither can be read."""
    try:
        return read(first)
    except UNREADABLE as error:
        if second is None:
            raise
        logger("storage").warning("read_from_replica", error=error.message, remedy=error.remedy)
        try:
            return read(second)
        except UNREADABLE as other:
            logger("storage").error("replica_unreadable", error=other.message, remedy=other.remedy)
            raise error from other
