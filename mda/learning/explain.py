"""Which words, links and header fields of a message a verdict's features came from.

What is stored of a verdict are feature ids. Their text is found by asking the extractor again: a piece of the message
that still has the feature is cut in two until only a word, or two neighbours, are left. So nothing here knows how
features are made, and whatever they are made of in the next version is explained as well. A feature of the whole's
shape has no words and is named by its kind alone, and so is one of a text whose charset the C core does not decode.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mda import binding
from mda.binding import Examination
from mda.mime import message as mime_message
from mda.mime import part
from mda.mime.message import Message
from mda.mime.part import Kind, PartFlag

BODY = "body"
LINK = "link"
MOST_WORDS = 20_000
"""Of a text that is searched."""
LONGEST_TEXT = 200

_LINK = re.compile(r"(?:https?://|www\.)[^\s\"'<>]+", re.IGNORECASE)
_TEXT = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"

Probe = Callable[[str], bytes]
"""A message that holds a text alone."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a feature came from: a header field's name, `body` or `link`; and the words."""

    where: str
    text: str


def find(raw: bytes, features: Collection[int]) -> Mapping[int, Found]:
    """The first place of each feature that has one. Never raises on malformed mail."""
    examination = binding.examine(raw)
    left, found = set(features) - _ids(b"\r\n"), dict[int, Found]()
    for where, text, probe in _pieces(examination):
        if not left:
            break
        for feature, words in _narrow(text.split()[:MOST_WORDS], left, probe):
            found[feature] = Found(where, words[:LONGEST_TEXT])
        left -= found.keys()
    return found


def _pieces(examination: Examination) -> Iterator[tuple[str, str, Probe]]:
    message = mime_message.read(examination)
    yield from _fields(message)
    for one in part.read_parts(examination):
        if one.kind == Kind.LEAF and one.flags & PartFlag.TEXT:
            text = part.text(examination, one.index)
            for link in dict.fromkeys(_LINK.findall(text)):
                yield LINK, link, _body
            if one.flags & PartFlag.HTML:
                text = binding.html_text(text.encode("utf-8", "replace")).decode("utf-8", "replace")
            yield BODY, text, _body


def _fields(message: Message) -> Iterator[tuple[str, str, Probe]]:
    raw = message.examination.raw
    for field in message.fields:
        value = raw[field.value_start : field.value_end].decode("utf-8", "surrogateescape")
        if field.name.lower() == "subject":
            value = message.subject  # its features are of the decoded words
        yield field.name, value, _header(raw[field.start : field.value_start])


def _header(name: bytes) -> Probe:
    return lambda text: name + text.encode("utf-8", "surrogateescape") + b"\r\n\r\n"


def _body(text: str) -> bytes:
    return _TEXT + text.encode("utf-8", "replace") + b"\r\n"


def _narrow(words: Sequence[str], features: set[int], probe: Probe) -> Iterator[tuple[int, str]]:
    """Each of the features that these words have, with the fewest neighbours that still have it."""
    stack = [(words, features)]
    while stack:
        words, wanted = stack.pop()
        here = wanted & _ids(probe(" ".join(words)))
        if not here or not words:
            continue
        if len(words) == 1:
            yield from ((feature, words[0]) for feature in here)
            continue
        middle = len(words) // 2
        # The halves share a word, so that a pair of neighbours is in one of them.
        first, second = words[: max(middle, 1)], words[middle:]
        across = words[max(middle - 1, 0) : middle + 1]
        in_first = here & _ids(probe(" ".join(first)))
        in_second = (here - in_first) & _ids(probe(" ".join(second)))
        yield from ((feature, " ".join(across)) for feature in here - in_first - in_second)
        stack += [(second, in_second), (first, in_first)]


def _ids(raw: bytes) -> set[int]:
    return set(memoryview(binding.features(raw)).cast("I"))
