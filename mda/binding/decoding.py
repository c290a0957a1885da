"""Transfer encodings and HTML, without a parse."""

from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.errors import InvalidValue

uncleared = _ffi.new_allocator(should_clear_after_alloc=False)


def decode_transfer(encoding: int, raw: bytes, offset: int = 0, length: int | None = None) -> bytes:
    """The octets behind a transfer encoding (enum mime_encoding) at raw[offset : offset + length]; bad input is decoded
    as far as it goes."""
    if length is None:
        length = len(raw) - offset
    if not 0 <= offset <= offset + length <= len(raw):
        raise InvalidValue(f"no octets {offset} to {offset + length} in a message of {len(raw)}")
    decoded = uncleared("uint8_t[]", length + 1)
    return bytes(_ffi.buffer(decoded, _lib.mime_decode_part(encoding, raw, offset, length, decoded)))


def html_text(html: bytes) -> bytes:
    """The plain text of HTML in UTF-8, white space collapsed."""
    plain = _ffi.new("uint8_t[]", len(html) + 1)
    length = _lib.mime_html_text(_ffi.from_buffer(html), len(html), plain)
    return bytes(_ffi.buffer(plain, length))
