"""Small facts kept in a file beside the records: one line of `key=value` words that ends in its own CRC-32.

    mda-seal 1 segment=0123456789abcdef length=4096 reason=full sealed_at=1795451130 crc=89abcdef

A value holds no space, `=`, or control character (percent-encoded, RFC 3986 s2.1).
"""

import zlib
from collections.abc import Mapping
from urllib.parse import quote, unquote


def pack_line(heading: str, fields: Mapping[str, str | int]) -> bytes:
    words = [heading, *(f"{key}={quote(str(value), safe='/:')}" for key, value in fields.items())]
    text = " ".join(words).encode("ascii")
    return text + b" crc=%08x\n" % zlib.crc32(text)


def unpack_line(heading: str, raw_line: bytes) -> dict[str, str] | None:
    """The fields, or None where the line is torn, damaged or another's."""
    text, found, checksum = raw_line.partition(b" crc=")
    if not found or checksum != b"%08x\n" % zlib.crc32(text):
        return None
    start = f"{heading} "
    if not text.startswith(start.encode("ascii")):
        return None
    pairs = (word.partition("=") for word in text.decode("ascii")[len(start) :].split(" "))
    return {key: unquote(value) for key, _, value in pairs}
