"""The base subject: what is left of a subject when replies and forwards are taken off (RFC 5256 s2.1).

Two messages with the same base subject may be of one thread. The text must be decoded already; the result keeps its
case (i;unicode-casemap or i;octet is the comparer's choice).
"""

import re

_WHITE = re.compile(r"[ \t\r\n]+")
_BLOB = re.compile(r"\[[^\[\]]*\] *")
_LEADER = re.compile(rf"(?:re|fwd?) *(?:{_BLOB.pattern})?:", re.IGNORECASE)
_TRAILER = "(fwd)"
_FORWARD = "[fwd:"


def base_subject(subject: str) -> str:
    """The base subject of a decoded subject, in the six steps of RFC 5256 s2.1. Only positions move, so that ten
    thousand `re:` or `[fwd:` cost linear time."""
    text = _WHITE.sub(" ", subject)
    start, end = 0, len(text)
    while True:
        end = _before_trailers(text, start, end)
        start = _past_leaders(text, start, end)
        if not (text[start : start + 5].lower() == _FORWARD and text.endswith("]", start, end)):
            return text[start:end]
        start, end = start + len(_FORWARD), end - 1


def _before_trailers(text: str, start: int, end: int) -> int:
    """Step 2: spaces and `(fwd)` at the end."""
    while end > start:
        if text[end - 1] == " ":
            end -= 1
        elif text[max(start, end - 5) : end].lower() == _TRAILER:
            end -= 5
        else:
            break
    return end


def _past_leaders(text: str, start: int, end: int) -> int:
    """Steps 3 to 5: spaces, `re:`, `fwd:` and `[blobs]`, but the last blob stays when nothing follows it."""
    while start < end:
        if text[start] == " ":
            start += 1
        elif leader := _LEADER.match(text, start, end):
            start = leader.end()
        elif (blob := _BLOB.match(text, start, end)) and blob.end() < end:
            start = blob.end()
        else:
            break
    return start
