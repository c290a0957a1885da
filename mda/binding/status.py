"""What every call to the C core needs: its status as an exception, its limits as a struct, its tables as bytes."""

from typing import Any

from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding.layouts import DEFAULT_LIMITS, Limits
from mda.errors import InvalidValue


def check(status: int, size: int) -> None:
    """Raises what a mime_status says of a message of `size` octets: MemoryError or InvalidValue."""
    if status == _lib.MIME_OK:
        return
    if status == _lib.MIME_NO_MEMORY:
        raise MemoryError("no memory to parse a message")
    if status == _lib.MIME_TOO_LARGE:
        raise InvalidValue(f"message of {size} bytes is larger than the parser's limit")
    raise InvalidValue("parser was given a bad argument", "limits must be at least 1")


def limits_of(limits: Limits) -> Any:
    """A mime_limits, to be read only."""
    return _DEFAULT if limits is DEFAULT_LIMITS else _new(limits)


def _new(limits: Limits) -> Any:
    return _ffi.new(
        "mime_limits *",
        (
            limits.size,
            limits.depth,
            limits.parts,
            limits.headers,
            limits.parameters,
            limits.addresses,
            limits.references,
            limits.encoded_depth,
            limits.preview,
        ),
    )


_DEFAULT = _new(DEFAULT_LIMITS)


def copied(pointer: Any, length: int) -> bytes:
    """`length` octets behind a pointer that may be NULL where there are none."""
    return bytes(_ffi.buffer(pointer, length)) if length else b""
