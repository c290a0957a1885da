"""Views of messages (csrc/mime/view.h): what a person reads, in one call and one copy, with memory that is kept."""

import pickle
import sys
from typing import Any

from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding.decoding import uncleared
from mda.binding.view_context import ROOM, new_context, read_again

WANT_FIELDS: int = _lib.MIME_WANT_FIELDS
WANT_VIEW: int = _lib.MIME_WANT_VIEW | _lib.MIME_WANT_TEXT | _lib.MIME_WANT_SUMMARY
_loads = pickle.loads
_KEPT = 1 << 22
"""A buffer larger than this is not kept."""


class Viewer:
    """Takes views of messages (csrc/mime/view.h) with memory that is kept from one message to the next. Threads may
    share one: each takes a context of its own."""

    def __init__(self) -> None:
        self._idle: list[tuple[Any, Any, Any]] = []
        self._take, self._give = self._idle.pop, self._idle.append
        self._rooms: list[Any] = []
        self._read = _lib.mime_read

    def view(self, raw: bytes, wants: int = WANT_VIEW) -> Any:
        """What csrc/mime/view.h says: a tuple, a list of the same to be finished, or None; `wants` is WANT_VIEW,
        with WANT_FIELDS or without. The pickle it comes in is the C core's own, whatever the message holds."""
        try:
            context = self._take()
        except IndexError:
            context = new_context()
        pointer, out, octets = context
        length = self._read(pointer, raw, len(raw), wants, out, ROOM)
        if not 0 < length <= ROOM:
            octets = read_again(pointer, raw, length)
        found = _loads(octets)
        self._give(context)
        return found

    def structure(self, raw: bytes) -> tuple[bytes, bytes]:
        """The header table and the part table alone (see HEADER and PART): no text, no values."""
        try:
            context = self._take()
        except IndexError:
            context = new_context()
        pointer, out, octets = context
        length = _lib.mime_read(pointer, raw, len(raw), _lib.MIME_WANT_TABLES, out, ROOM)
        if not 0 < length <= ROOM:
            octets = read_again(pointer, raw, length)
        split = 4 + int.from_bytes(octets[:4], sys.byteorder)
        tables = octets[4:split], octets[split:length]
        self._give(context)
        return tables

    def decode(self, encoding: int, raw: bytes, offset: int, length: int) -> bytes:
        """As decode_transfer, with memory that is kept; of parts as a view of `raw` named them."""
        try:
            room = self._rooms.pop()
        except IndexError:
            room = b""
        if len(room) < length or not room:
            room = uncleared("uint8_t[]", max(length, ROOM))
        decoded = bytes(_ffi.buffer(room, _lib.mime_decode_part(encoding, raw, offset, length, room)))
        if len(room) <= _KEPT:
            self._rooms.append(room)
        return decoded
