"""Messages of a file, no longer than the parser takes: one without an end or lines does not fill the memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mda.errors import InvalidValue
from mda.settings import MOST_MESSAGE_BYTES
from mda.sizes import format_size

SLACK = 4096
"""For what is between messages: a blank line, and the line that separates them."""


class MessageLines:
    """The lines of a file from where it stands; InvalidValue names the line where a message begins that is far too
    long. Who reads them says where messages begin, and asks for the exact length (`require_length`)."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._number = 0
        self._first = 1
        self._octets = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self._stream.readline(MOST_MESSAGE_BYTES + SLACK - self._octets + 1)
        if not line:
            raise StopIteration
        self._number += 1
        self._octets += len(line)
        if self._octets > MOST_MESSAGE_BYTES + SLACK:
            raise too_long(self.place)
        return line

    @property
    def place(self) -> str:
        """Where the message begins."""
        return f"{self._name}, line {self._first}"

    def begin(self) -> None:
        """The line that was read last is a message's first."""
        self._first, self._octets = self._number, 0


def read_whole(path: Path) -> bytes:
    """A file that is one message."""
    with path.open("rb") as stream:
        raw = stream.read(MOST_MESSAGE_BYTES + 1)
    return require_length(raw, str(path))


def require_length(raw: bytes, place: str) -> bytes:
    """The message; InvalidValue where it is too long, also for its line ends alone."""
    if len(raw) > MOST_MESSAGE_BYTES:
        raise too_long(place)
    return raw


def too_long(place: str) -> InvalidValue:
    return InvalidValue(f"{place}: the message is longer than {format_size(MOST_MESSAGE_BYTES)}", "take it out")
