"""IMAP BODY made of BODYSTRUCTURE: the same without the extension data (RFC 3501 s7.4.2).

Only BODYSTRUCTURE is stored. Whoever answers FETCH BODY takes the extension data out again, without the mail.
"""

import re
from enum import Enum, auto
from typing import assert_never

_TOKEN = re.compile(rb'[()]|"(?:[^"\\]|\\.)*"|\{(\d+)\}\r\n|[^ ()"{]+', re.DOTALL)
_NESTING = {b"(": 1, b")": -1}
_FIELDS = 7
"""Of a part that is no multipart: type, subtype, parameters, id, description, encoding, size."""


class _Next(Enum):
    """What the walk expects; a stack of these instead of recursion, as mail nests deeper than Python's calls may."""

    BODY = auto()
    SIBLING_OR_SUBTYPE = auto()
    LINES_OF_MESSAGE = auto()


def value_end(octets: bytes, at: int) -> int:
    """Past the atom, string, literal or parenthesised list that begins at `at`. ValueError where there is none."""
    depth = 0
    while True:
        token = _TOKEN.match(octets, at)
        if token is None:
            raise ValueError(f"no IMAP value at octet {at}")
        at = token.end() + int(token[1] or 0)
        depth += _NESTING.get(token[0], 0)
        if depth <= 0:
            return at
        at += octets[at : at + 1] == b" "


def body(structure: bytes) -> bytes:
    """The BODY of a BODYSTRUCTURE that the parser wrote; ValueError where it is none."""
    kept: list[bytes] = []
    at, expected = 0, [_Next.BODY]
    while expected:
        step = expected.pop()
        start = at
        match step:
            case _Next.BODY:
                at, following = _open(structure, at)
                kept.append(structure[start:at])
                expected += following
                is_closed = not following
            case _Next.SIBLING_OR_SUBTYPE:
                is_closed = structure[at : at + 1] != b"("
                if is_closed:
                    at = value_end(structure, at + 1)
                    kept.append(structure[start:at])
                else:
                    expected += [_Next.SIBLING_OR_SUBTYPE, _Next.BODY]
            case _Next.LINES_OF_MESSAGE:
                at = value_end(structure, at + 1)
                kept.append(structure[start:at])
                is_closed = True
            case _:
                assert_never(step)
        if is_closed:
            kept.append(b")")
            at = _skip_extension(structure, at)
    return b"".join(kept)


def _open(structure: bytes, at: int) -> tuple[int, list[_Next]]:
    """Past what stands before the first child, and what follows then; nothing follows in a part without children."""
    if structure[at : at + 2] == b"((":
        return at + 1, [_Next.SIBLING_OR_SUBTYPE, _Next.BODY]
    for _ in range(_FIELDS):
        at = value_end(structure, at + 1)
    if structure[at : at + 2] == b" (":  # the envelope of a message, and then its body
        return value_end(structure, at + 1) + 1, [_Next.LINES_OF_MESSAGE, _Next.BODY]
    is_text = structure[at : at + 1] == b" " and structure[at + 1 : at + 2].isdigit()
    return value_end(structure, at + 1) if is_text else at, []


def _skip_extension(structure: bytes, at: int) -> int:
    while structure[at : at + 1] == b" ":
        at = value_end(structure, at + 1)
    if structure[at : at + 1] != b")":
        raise ValueError(f"no end of a part at octet {at}")
    return at + 1
