"""What the front's thread finds of a message, without a front."""

from mda._core import ffi, lib

from mda.binding import Found, Reader


def found_of(reader: Reader, raw: bytes) -> Found | None:
    length = ffi.new("uint64_t *")
    octets = lib.spam_reader_read(reader.pointer, raw, len(raw), length)
    return Found(bytes(ffi.buffer(octets, length[0])), reader.version, 0.0) if octets else None
