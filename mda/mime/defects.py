"""What can be wrong with a message: the bits of `Examination.defects`, as csrc/mime/mime.h numbers them.

A defect never rejects a message by itself; it tells a filter that two readers may see different things, and an admin
what to look at.
"""

from enum import IntFlag


class Defect(IntFlag):
    """One bit each; the C core's enum mime_defect holds the bit numbers, a test compares the two."""

    NO_CLOSE_DELIMITER = 1 << 0
    NO_DELIMITER = 1 << 1
    NO_BOUNDARY = 1 << 2
    BOUNDARY_PREFIX = 1 << 3
    CLOSED_BY_OUTER = 1 << 4
    SECOND_CONTENT_TYPE = 1 << 5
    SECOND_PARAMETER = 1 << 6
    SECOND_ENCODING = 1 << 7
    BAD_ENCODING = 1 << 8
    BASE64_TRUNCATED = 1 << 9
    BASE64_JUNK = 1 << 10
    BASE64_AFTER_PADDING = 1 << 11
    BAD_QUOTED_PRINTABLE = 1 << 12
    ENCODED_MESSAGE = 1 << 13
    ENCODED_MULTIPART = 1 << 14
    BAD_PARAMETER = 1 << 15
    PARAMETER_FORMS = 1 << 16
    BAD_ENCODED_WORD = 1 << 17
    UNKNOWN_CHARSET = 1 << 18
    HEADER_8BIT = 1 << 19
    NUL = 1 << 20
    BARE_CR = 1 << 21
    HEADER_NO_COLON = 1 << 22
    HEADER_SPACE = 1 << 23
    HEADER_NO_BLANK_LINE = 1 << 24
    PART_AFTER_CLOSE = 1 << 25
    REPEATED_FIELD = 1 << 26
    TOO_DEEP = 1 << 27
    TOO_MANY_PARTS = 1 << 28
    TOO_MANY_HEADERS = 1 << 29
    TOO_MANY_PARAMETERS = 1 << 30
    BAD_DATE = 1 << 31
    BAD_ADDRESS = 1 << 32
    BAD_CHARSET = 1 << 33
    BARE_LF = 1 << 34
    TOO_MANY_ADDRESSES = 1 << 35
    BAD_UUENCODE = 1 << 36


def names(defects: int) -> tuple[str, ...]:
    """The names of the set bits, in the order of their numbers."""
    return tuple(defect.name for defect in Defect if defect & defects and defect.name)
