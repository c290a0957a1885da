"""Which names a mailbox may have (RFC 9051 s5.1): checked once, where a name enters.

A path is levels joined by "/". Its first level matches INBOX without case and is then spelled in capitals; other
levels are compared byte by byte after NFC (Net-Unicode, RFC 5198 s3).
"""

import unicodedata

from mda.errors import InvalidValue

DELIMITER = "/"
INBOX = "INBOX"
MOST_LEVELS = 32
MOST_OCTETS = 255
"""Of one level, in UTF-8."""


def parse(text: str) -> str:
    """The path in its kept form; InvalidValue says which rule it breaks."""
    # RFC 9051 s6.3.4: a trailing delimiter announces inferior names; the name created is the one without it.
    levels = unicodedata.normalize("NFC", text).removesuffix(DELIMITER).split(DELIMITER)
    if len(levels) > MOST_LEVELS:
        raise InvalidValue(f"mailbox {text!r} has more than {MOST_LEVELS} levels")
    for level in levels:
        _check(level, text)
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    return DELIMITER.join(levels)


def parent(path: str) -> str:
    """The path above; empty for a mailbox of the first level."""
    return path.rpartition(DELIMITER)[0]


def last_level(path: str) -> str:
    return path.rpartition(DELIMITER)[2]


def above(path: str) -> tuple[str, ...]:
    """The paths above, outermost first."""
    levels = path.split(DELIMITER)
    return tuple(DELIMITER.join(levels[:count]) for count in range(1, len(levels)))


def _check(level: str, text: str) -> None:
    if not level or level != level.strip():
        raise InvalidValue(f"mailbox {text!r} has an empty level, or one with space around it", "write it like A/B")
    if len(level.encode("utf-8", "surrogatepass")) > MOST_OCTETS:
        raise InvalidValue(f"a level of mailbox {text!r} is longer than {MOST_OCTETS} octets")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in level):
        raise InvalidValue(f"mailbox {text!r} holds a control character", "leave it out")
    # "*" and "%" are LIST's wildcards (RFC 9051 s6.3.9); a leading "#" marks a namespace (s5.1.2.1).
    if any(character in level for character in "*%") or level.startswith("#"):
        raise InvalidValue(f"mailbox {text!r} holds *, % or a leading #", "they mean something else to IMAP clients")
