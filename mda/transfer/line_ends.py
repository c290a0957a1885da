"""CRLF in the store, LF in files on this system, so that what goes out comes in again byte for byte.

A message is converted only where that can be undone: one with bare LFs, or with CR before a CRLF, is written as it is.
A file that has any CRLF is taken as it is.
"""


def to_file(raw: bytes) -> bytes:
    """The form for a file; with its CRLFs where the conversion would not come back."""
    converted = raw.replace(b"\r\n", b"\n")
    return converted if from_file(converted) == raw else raw


def from_file(octets: bytes) -> bytes:
    """The store's form of a file's bytes."""
    return octets if b"\r\n" in octets else octets.replace(b"\n", b"\r\n")
