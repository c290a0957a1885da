"""What a worker process is told: the assignment it starts with, and the orders and reports on its channel.

The assignment goes through an anonymous file, as settings may hold a password: neither the arguments nor the
environment of a process are private.
"""

import os
from enum import Enum

import msgspec

from mda.metrics.region import REGION_OCTETS
from mda.servers.listeners import Origin
from mda.settings import Settings

READY = b"r"
"""The worker's report: composed, and accepting connections."""


class Order(Enum):
    """From the supervisor, one octet each. Its death is the channel's end."""

    DRAIN = b"d"
    """Finish; what waits in the backlogs is left to other workers."""
    FINISH = b"f"
    """Take what waits in the backlogs, as nobody else will, and then finish."""


class InheritedListener(msgspec.Struct, frozen=True):
    fd: int
    origin: Origin
    place: str
    device: int
    inode: int


class Assignment(msgspec.Struct, frozen=True):
    """`composer` names the function that builds the deliverer, as `module:function`; `channel` is a descriptor."""

    settings: Settings
    listeners: tuple[InheritedListener, ...]
    channel: int
    composer: str
    figures: int = -1
    """Descriptor of the memory in which the worker counts; without one in its own."""
    rank: int = 0
    """Among the workers of its settings: connections go to the lowest that has room (workers.gather_sessions)."""


def figures_descriptor() -> int:
    """Memory for one worker's figures, as a descriptor."""
    fd = os.memfd_create("mda-figures")
    os.ftruncate(fd, REGION_OCTETS)
    return fd


def to_descriptor(assignment: Assignment) -> int:
    """A descriptor from which a worker can read the assignment once."""
    fd = os.memfd_create("mda-assignment")
    os.write(fd, msgspec.json.encode(assignment))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def from_descriptor(fd: int) -> Assignment:
    with os.fdopen(fd, "rb") as stream:
        return msgspec.json.decode(stream.read(), type=Assignment)
