"""A mime_context with room for what it finds, and the text of one field value: all that a listing needs of the C core,
apart from the modules that take longer to import than it to load."""

from typing import Any

from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding.status import check

ROOM = 65536


def header_text(value: bytes) -> bytes:
    """The text of a raw field value in UTF-8, perhaps with marks (`mda.mime.charsets`)."""
    context = new_context()
    length = _lib.mime_header_text(context[0], value, len(value))
    return bytes(read_again(context[0], value, length)) if length else b""


def new_context() -> tuple[Any, Any, Any]:
    """The context, its room, and the room as a buffer."""
    pointer = _lib.mime_context_new()
    if not pointer:
        raise MemoryError("no memory to parse a message")
    out = _ffi.new("uint8_t[]", ROOM)
    return _ffi.gc(pointer, _lib.mime_context_free), out, _ffi.buffer(out)


def read_again(pointer: Any, raw: bytes, length: int) -> Any:
    """What the room was too small for, in one that fits; raises what a `length` that is none means."""
    if length <= 0:
        check(-length, len(raw))
    out = _ffi.new("uint8_t[]", length)
    _lib.mime_read_again(pointer, out)
    return _ffi.buffer(out)
