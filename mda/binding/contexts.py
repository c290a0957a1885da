"""Contexts of the C core: memory that is kept from one message to the next, one for each thread that is at work."""

from typing import Any, NamedTuple

from mda._core import ffi as _ffi
from mda._core import lib as _lib

ROOM = 65536


class Context(NamedTuple):
    """A spam_context, and where its calls put what they found."""

    pointer: Any
    message: Any
    """mime_message **"""
    score: Any
    """spam_score *"""
    out: Any
    """ROOM octets for what a call writes."""
    out_octets: Any
    """The same as a buffer."""


_idle: list[Context] = []


def take() -> Context:
    """A context that no other thread has until `give`."""
    try:
        return _idle.pop()  # asking first whether there is one would race with other threads
    except IndexError:
        return _new()


give = _idle.append


def _new() -> Context:
    pointer = _lib.spam_context_new()
    if not pointer:
        raise MemoryError("no memory to parse a message")
    score, out = _ffi.new("spam_score *"), _ffi.new("uint8_t[]", ROOM)
    owned = _ffi.gc(pointer, _lib.spam_context_free)
    return Context(owned, _ffi.new("mime_message **"), score, out, _ffi.buffer(out))
