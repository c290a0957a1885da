"""Modified UTF-7 (RFC 3501 s5.1.3), in which Maildir++ folders spell mailbox names; and the folder's own separator.

A dot separates levels in a folder's name, so that one within a level is written as UTF-7, too.
"""

import base64
import re

from mda.errors import InvalidValue

_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
_SEPARATOR = "."


def encode(level: str) -> str:
    """One level of a mailbox's name as a part of a folder's name."""
    return re.sub(r"[^\x20-\x25\x27-\x2d\x30-\x7e]+|[&./]+", lambda match: _shift(match[0]), level)


def decode(part: str) -> str:
    """The inverse; InvalidValue for what is no modified UTF-7."""
    try:
        return _SHIFTED.sub(lambda match: _unshift(match[1]), part)
    except ValueError as error:
        raise InvalidValue(f"folder name {part!r} is no modified UTF-7", "rename it, or import it by itself") from error


def folder_name(path: str) -> str:
    """The Maildir++ folder of a mailbox: `.Work.2026` for Work/2026."""
    return "".join(_SEPARATOR + encode(level) for level in path.split("/"))


def path_of(folder: str) -> str:
    """The inverse."""
    return "/".join(decode(part) for part in folder.removeprefix(_SEPARATOR).split(_SEPARATOR))


def _shift(text: str) -> str:
    if text == "&":
        return "&-"
    encoded = base64.b64encode(text.encode("utf-16-be", "surrogatepass")).decode("ascii").rstrip("=")
    return f"&{encoded.replace('/', ',')}-"


def _unshift(encoded: str) -> str:
    if not encoded:
        return "&"
    padded = encoded.replace(",", "/") + "=" * (-len(encoded) % 4)
    return base64.b64decode(padded, validate=True).decode("utf-16-be")
