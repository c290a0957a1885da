"""Command lines out of a byte stream: only CRLF ends one, and one that is too long is swallowed up to its CRLF.

Keeps at most a limit's worth of an unended line. Pure of sockets; the same lines come out however the stream is cut.
"""

from enum import Enum


class LineFault(Enum):
    TOO_LONG = "too long"


class CommandLines:
    """`feed` bytes, then `take` lines. `limit` in octets without CRLF."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._unread = bytearray()
        self._start = 0
        self._is_swallowing = False

    def __len__(self) -> int:
        return len(self._unread) - self._start

    def feed(self, raw: bytes) -> None:
        if self._start:
            del self._unread[: self._start]
            self._start = 0
        self._unread += raw

    def take(self) -> bytes | LineFault | None:
        """The next line without its CRLF. None: no whole line has come yet."""
        end = self._unread.find(b"\r\n", self._start)
        if end < 0:
            self._shorten()
            return None
        line = bytes(self._unread[self._start : end])
        self._start = end + 2
        if self._is_swallowing or len(line) > self._limit:
            self._is_swallowing = False
            return LineFault.TOO_LONG
        return line

    def take_rest(self) -> bytes:
        """All that stands behind the last line taken; nothing is kept."""
        rest = bytes(memoryview(self._unread)[self._start :])
        self._unread.clear()
        self._start = 0
        return rest

    def _shorten(self) -> None:
        """Forgets the begin of a line that is too long already, but for a CR that may be half of its end."""
        if len(self) > self._limit + 1:
            self._is_swallowing = True
            del self._unread[:-1]
            self._start = 0
