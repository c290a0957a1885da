"""The encodings of parameter values: xtext (RFC 3461 s4) and the addresses of ORCPT (RFC 6533 s3).

InvalidValue for what is not well-formed, and for any control character that was hidden by the encoding: decoded
values reach logs and the trace.
"""

import re

from mda.errors import InvalidValue

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*\Z")
_UNESCAPED = re.compile(r"[!-*,-<>-~]*\Z")
_HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")
_EMBEDDED = re.compile(r"\\x\{([0-9A-F]{2,6})\}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def decode(encoded: str) -> str:
    """The text in `encoded`, for bytes that are UTF-8."""
    if _UNESCAPED.match(encoded):  # it stands for itself, as most does
        return encoded
    if not _XTEXT.match(encoded):
        raise InvalidValue("not xtext")
    raw = _HEXCHAR.sub(lambda match: bytes([int(match[1], 16)]), encoded.encode("ascii"))
    try:
        return refuse_controls(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidValue("xtext does not hold UTF-8") from error


def decode_original_recipient(value: str) -> str:
    """The address in an ORCPT value; empty for address types other than rfc822 and utf-8."""
    kind, semicolon, encoded = value.partition(";")
    if not semicolon or not kind or not encoded:
        raise InvalidValue("ORCPT is not type;address")
    if kind.lower() == "rfc822":
        return decode(encoded)
    if kind.lower() == "utf-8":
        return refuse_controls(_EMBEDDED.sub(_character, encoded))
    return ""


def refuse_controls(text: str) -> str:
    """`text` itself, when nothing in it can break a log line."""
    if _CONTROL.search(text):
        raise InvalidValue("value holds a control character")
    return text


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise InvalidValue("not a character")
    return chr(code)
