"""The top header block of a message, as a table of the C core names its fields: read when somebody asks.

A mail has twenty fields of which two are looked at.
"""

from collections.abc import Iterator
from typing import NamedTuple

from mda.binding import HEADER
from mda.mime.charsets import resolve_text


class HeaderField(NamedTuple):
    """One field of the top header block: `raw[start:end]` is the whole field with its line end, `raw[value_start:
    value_end]` its raw value without it, folds included."""

    name: str
    start: int
    end: int
    value_start: int
    value_end: int


class HeaderBlock(NamedTuple):
    """Fields in their order."""

    raw: bytes
    """The message."""
    table: bytes
    """See HEADER; of the top header block alone."""

    @property
    def fields(self) -> tuple[HeaderField, ...]:
        return tuple(_field(self.raw, *row) for row in HEADER.iter_unpack(self.table))

    def names(self) -> Iterator[str]:
        """In lower case, each made when it is asked for: there may be a million of them."""
        raw = self.raw
        for start, _, _, length, _ in HEADER.iter_unpack(self.table):
            yield raw[start : start + length].decode("ascii").lower()

    def values(self, name: str) -> tuple[str, ...]:
        """Of all fields `name` (without case): unfolded, not RFC 2047-decoded, raw 8-bit octets read as UTF-8 or else
        windows-1252."""
        raw, wanted = self.raw, name.encode("utf-8").lower()
        return tuple(
            _unfold(raw[value:end])
            for start, value, end, length, _ in HEADER.iter_unpack(self.table)
            if length == len(wanted) and raw[start : start + length].lower() == wanted
        )


def _field(raw: bytes, start: int, value: int, end: int, length: int, _: int) -> HeaderField:
    value_end = end
    if value_end > value and raw[value_end - 1] == 0x0A:
        value_end -= 2 if raw[value_end - 2 : value_end] == b"\r\n" else 1
    return HeaderField(raw[start : start + length].decode("ascii"), start, end, value, value_end)


def _unfold(value: bytes) -> str:
    return resolve_text(value.replace(b"\r\n", b"").replace(b"\n", b"").strip())
