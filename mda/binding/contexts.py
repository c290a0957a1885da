"""Contexts of the C core: memory that is kept from one message to the next, one for each thread that is at work."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mda._core import ffi as _ffi
from mda._core import lib as _lib

_idle: list[Any] = []


@contextmanager
def borrowed() -> Iterator[Any]:
    """A spam_context that no other thread has until this one is done with it."""
    try:
        context = _idle.pop()  # asking first whether there is one would race with other threads
    except IndexError:
        context = _new()
    try:
        yield context
    finally:
        _idle.append(context)


def _new() -> Any:
    pointer = _lib.spam_context_new()
    if not pointer:
        raise MemoryError("no memory to parse a message")
    return _ffi.gc(pointer, _lib.spam_context_free)
