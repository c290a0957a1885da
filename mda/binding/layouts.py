"""The limits of a parse, and the layouts of the C core's tables (csrc/mime/mime.h), packed in the machine's order."""

import struct
from typing import NamedTuple

NONE = 0xFFFFFFFF
"""No such index, no such offset."""


class Limits(NamedTuple):
    """What the parser obeys, see csrc/mime/mime.h; beyond a limit (but `size`) a defect is set and the rest is kept
    as it is."""

    size: int = 100 * 1024 * 1024
    depth: int = 100
    parts: int = 10_000
    headers: int = 100_000
    parameters: int = 128
    addresses: int = 10_000
    references: int = 1000
    encoded_depth: int = 3
    preview: int = 256


DEFAULT_LIMITS = Limits()

HEADER = struct.Struct("=IIIHH")
"""mime_header: start, value, end, name_length, field."""
PART = struct.Struct("=14I4B23I")
"""mime_part, its members in their order."""
PARAMETER = struct.Struct("=6I")
"""mime_parameter: spans of name, value, decoded."""
ADDRESS = struct.Struct("=10I")
"""mime_address: header, kind, spans of name, route, mailbox, host."""
