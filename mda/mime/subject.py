"""The base subject: what is left of a subject when replies and forwards are taken off (RFC 5256 s2.1).

Two messages with the same base subject may be of one thread. The text must be decoded already; the result keeps its
case (i;unicode-casemap or i;octet is the comparer's choice).
"""

import re

_WHITE = re.compile(r"[ \t\r\n]+")
_TRAILER = re.compile(r"(?: |\(fwd\))+\Z", re.IGNORECASE)
_LEADER = re.compile(r"(?:\[[^\[\]]*\] *)*(?:re|fwd?) *(?:\[[^\[\]]*\] *)?:", re.IGNORECASE)
_BLOB = re.compile(r"\[[^\[\]]*\] *")
_FORWARD = "[fwd:"


def base_subject(subject: str) -> str:
    """The base subject of a decoded subject, in the six steps of RFC 5256 s2.1."""
    text = _WHITE.sub(" ", subject)
    while True:
        text = _TRAILER.sub("", text)
        text = _strip_leaders(text)
        if not (text[:5].lower() == _FORWARD and text.endswith("]")):
            return text
        text = text[5:-1]


def _strip_leaders(text: str) -> str:
    """Steps 3 to 5; positions instead of slices, so that ten thousand `re:` cost linear time."""
    at = 0
    while True:
        start = at
        while text[at : at + 1] == " ":
            at += 1
        if leader := _LEADER.match(text, at):
            at = leader.end()
        elif (blob := _BLOB.match(text, at)) and text[blob.end() :].strip(" "):
            at = blob.end()
        if at == start:
            return text[at:]
