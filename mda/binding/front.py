"""LMTP connections that a thread of the C core serves (csrc/lmtp/front.h): events out, answers in, as plain values.

Of each connection at most one event is without its answer, and each event but GONE gets exactly one.
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import msgspec

from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding.brief import Found
from mda.binding.reader import READ_OCTETS, Reader
from mda.binding.status import copied

LINES: int = _lib.LMTP_LINES
MESSAGE: int = _lib.LMTP_MESSAGE
GONE: int = _lib.LMTP_GONE

KEPT: int = _lib.LMTP_KEPT
TOO_LARGE: int = _lib.LMTP_TOO_LARGE
OVERLOADED: int = _lib.LMTP_OVERLOADED

LEFT: int = _lib.LMTP_LEFT
LOST_IN_DATA: int = _lib.LMTP_LOST_IN_DATA
IDLE: int = _lib.LMTP_IDLE
IDLE_IN_DATA: int = _lib.LMTP_IDLE_IN_DATA

GREETED: int = _lib.LMTP_GREETED
READY: int = _lib.LMTP_READY
OPEN: int = _lib.LMTP_OPEN

CLOSES: int = _lib.LMTP_CLOSES
COLLECTS: int = _lib.LMTP_COLLECTS
RESTS: int = _lib.LMTP_RESTS
ABORTS: int = _lib.LMTP_ABORTS

_ANSWER = struct.Struct("=QIIII")
_ENTRY = struct.Struct("<cI")
_NUMBER = struct.Struct("<Q")
_NANOSECONDS = 1_000_000_000

_READINGS_KEPT = 8
_READ = _ffi.addressof(_lib, "spam_reader_read")


class FrontLimits(NamedTuple):
    """Sizes in octets, times in seconds: see lmtp_limits."""

    message_bytes: int
    held_bytes: int
    command_bytes: int
    recipients: int
    idle_seconds: float
    data_seconds: float
    fresh_seconds: float


class FrontReplies(NamedTuple):
    """Reply lines with CRLF, in the order of lmtp_replies."""

    greeting: bytes
    ok: bytes
    sender_ok: bytes
    recipient_ok: bytes
    start_mail: bytes
    idle: bytes
    data_too_slow: bytes
    leaving: bytes
    bye: bytes
    hello: bytes
    """The reply to LHLO of those who are not trusted."""
    hello_trusted: bytes


class Event(msgspec.Struct, frozen=True, gc=False):
    """See lmtp_event. `lines` are for `entries`; `raw` is the message, whose octets the event only lends: take them
    by `message` before the next `events`, or `drop`."""

    connection: int
    kind: int
    cause: int
    recipient: int
    path: bytes
    """The reverse-path of a message with a `recipient`."""
    is_introduced: bool
    """Whether LHLO or XFORWARD stands before MAIL in such a message's lines."""
    lines: bytes
    length: int
    raw: Any
    found: Found | None
    """What was found of a message that was read; None: nobody has read it."""

    def message(self) -> bytes:
        """The octets of the message; MemoryError where there is no room for them."""
        return copied(self.raw, self.length)


Entry: TypeAlias = tuple[bytes, bytes, int]
"""The kind of a line, the line, and the number of an answered RCPT's recipient (0 elsewhere). The kinds: b"H" (LHLO),
b"X" (XFORWARD), b"M" (MAIL), b"R" (RCPT), b"D" (DATA): answered; b"N": to be answered; b"L": to be answered, and too
long to be kept."""


class Front:
    """MemoryError where there is no room for a thread or a request. Any thread may call; `events` is for one."""

    def __init__(self, limits: FrontLimits, replies: FrontReplies) -> None:
        self._texts = [_ffi.new("char[]", reply) for reply in replies]
        milliseconds = (limits.idle_seconds, limits.data_seconds, limits.fresh_seconds)
        times = [min(round(1000 * seconds), 0xFFFFFFFF) for seconds in milliseconds]
        given = _ffi.new("lmtp_limits *", (*limits[:4], *times))
        front = _lib.lmtp_front_new(given, _ffi.new("lmtp_replies *", self._texts))
        if front == _ffi.NULL:
            raise MemoryError("no memory or descriptors for LMTP connections")
        self._front = front
        self._reader: Reader | None = None
        self._readings = 0
        self._versions: dict[int, str] = {}
        self._count = _ffi.new("uint32_t *")

    def fileno(self) -> int:
        """Can be read while there are events."""
        return int(_lib.lmtp_front_descriptor(self._front))

    def add(self, descriptor: int, is_trusted: bool) -> int:
        """Takes over a connected socket that does not block; the connection's number."""
        if not self._front:
            raise OSError("the front is closed")
        number = int(_lib.lmtp_front_add(self._front, descriptor, is_trusted))
        return number or _no_memory()

    def events(self) -> list[Event]:
        """Those since the last call."""
        first = _lib.lmtp_front_take(self._front, self._count)
        events = []
        for index in range(self._count[0]):
            try:
                events.append(_event(first[index], self._versions))
            except MemoryError:
                self.answer(packed(first[index].connection, b"", READY, flags=ABORTS))
        return events

    def drop(self) -> None:
        """What the last events lent is given back before the next ones are asked for."""
        _lib.lmtp_front_drop(self._front)

    def answer(self, answers: bytes) -> None:
        """Any number of `packed` answers, one behind the other."""
        _lib.lmtp_front_answer(self._front, answers, len(answers)) or _no_memory()

    def know(self, line: bytes, recipient: int, until: float) -> None:
        """This RCPT line is accepted without a question until then (time.monotonic())."""
        _lib.lmtp_front_know(self._front, line, len(line), recipient, _nanoseconds(until)) or _no_memory()

    def forget(self) -> None:
        """No RCPT line is known any more."""
        if self._front:
            _lib.lmtp_front_forget(self._front)

    def trust(self, until: float) -> None:
        """Up to then (time.monotonic()) what is known holds."""
        if self._front:
            _lib.lmtp_front_trust(self._front, _nanoseconds(until)) or _no_memory()

    def read_with(self, reader: Reader) -> None:
        """From now on messages of one known recipient and READ_OCTETS at most are read so before they are handed over;
        the reader before is in use no more."""
        self._readings += 1
        self._versions[self._readings] = reader.version
        self._versions.pop(self._readings - _READINGS_KEPT, None)
        _lib.lmtp_front_read(self._front, _READ, reader.pointer, self._readings, READ_OCTETS)
        self._reader = reader

    def leave(self) -> None:
        """Each connection is closed as soon as that costs its peer nothing."""
        _lib.lmtp_front_leave(self._front) or _no_memory()

    def abort(self) -> None:
        """All connections are closed at once."""
        _lib.lmtp_front_abort(self._front) or _no_memory()

    @property
    def held(self) -> int:
        """Octets of messages that are collected or not answered yet."""
        return int(_lib.lmtp_front_held(self._front))

    @property
    def is_at_rest(self) -> bool:
        """Whether no event is without its answer, and nothing read is left to act upon."""
        return bool(_lib.lmtp_front_rests(self._front))

    @property
    def busy_since(self) -> float:
        """time.monotonic() when its thread began what it is at, which takes milliseconds; 0 while it waits."""
        return int(_lib.lmtp_front_busy_since(self._front)) / _NANOSECONDS

    def close(self) -> None:
        """Ends the thread and closes what is open; `forget` and `trust` do nothing any more, `add` raises OSError, and
        nothing else may be called."""
        closed, self._front = self._front, _ffi.NULL
        _lib.lmtp_front_free(closed)


def packed(connection: int, raw: bytes, state: int, accepted: int = 0, flags: int = 0) -> bytes:
    """The answer to a connection's event: what to say, where its session stands then, the recipients accepted by its
    open transaction, and flags (CLOSES and so on)."""
    return _ANSWER.pack(connection, len(raw), accepted, state, flags) + raw


def entries(lines: bytes) -> Iterator[Entry]:
    """The lines of an event, in order."""
    at = 0
    while at < len(lines):
        kind, length = _ENTRY.unpack_from(lines, at)
        at += _ENTRY.size
        octets = lines[at : at + length]
        at += length
        if kind == b"R":
            yield kind, octets[_NUMBER.size :], _NUMBER.unpack_from(octets)[0]
        else:
            yield kind, octets, 0


def _event(found: Any, versions: dict[int, str]) -> Event:
    lines = copied(found.lines, found.lines_length)
    start, length = found.path_start, found.path_length
    return Event(
        found.connection,
        found.kind,
        found.cause,
        found.recipient,
        lines[start : start + length],
        lines[:1] in (b"X", b"H"),
        lines,
        found.length,
        found.octets,
        _found(found, versions),
    )


def _found(event: Any, versions: dict[int, str]) -> Found | None:
    version = versions.get(event.reading) if event.found_length else None
    if version is None:  # not read, or by a reader of long ago
        return None
    return Found(copied(event.found, event.found_length), version, event.reading_ns / _NANOSECONDS)


def _nanoseconds(moment: float) -> int:
    return max(0, min(round(moment * _NANOSECONDS), 0xFFFFFFFFFFFFFFFF))


def _no_memory() -> int:
    raise MemoryError("no memory for an LMTP connection")
