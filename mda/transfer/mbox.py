"""mbox files (RFC 4155), in the mboxrd dialect: `>` before every line of a message that is `From ` after any number of
`>`; a blank line behind each message.

Flags stand where other programs look for them, in Status, X-Status and X-Keywords. Ours are put on top behind a marker
that says how long the message is and how many lines they are, and are taken off again; those of other programs are read
and left where they are.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from mda.errors import InvalidValue
from mda.metadata.schema.words import Flag
from mda.transfer.item import Item
from mda.transfer.line_ends import from_file, to_file
from mda.transfer.message_lines import MessageLines, require_length

SUFFIX = ".mbox"
MARKER = b"X-MDA-Export: "
FROM = b"From "
_DOTS = re.compile(r"\A\.{1,2}\Z|\.mbox\Z")
_QUOTED = re.compile(rb"^(>*From )", re.MULTILINE)
_UNQUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_DATE = re.compile(rb"(?:[A-Z][a-z]{2}) ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?: [A-Z+\-0-9]+)? (\d{4})")
_MARK = re.compile(rb"(\d+) (\d)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LETTERS = {"R": Flag.SEEN, "A": Flag.ANSWERED, "F": Flag.FLAGGED, "T": Flag.DRAFT, "D": Flag.DELETED}
_STATUS = re.compile(rb"^(?:X-)?Status: *([A-Z]*)", re.IGNORECASE | re.MULTILINE)
_KEYWORDS = re.compile(rb"^X-Keywords: *(.*)$", re.IGNORECASE | re.MULTILINE)


def is_mbox(first: bytes) -> bool:
    """Whether a file that begins so is an mbox."""
    return first.startswith(FROM)


def file_name(path: str) -> str:
    """The mbox of a mailbox, below the folder of all. A level that a file system takes for another one (`..`), or that
    may be the name of another mailbox's file, has its dots as %2E; no mailbox's name has a % of its own."""
    levels = (_DOTS.sub(lambda match: match[0].replace(".", "%2E"), level) for level in path.split("/"))
    return "/".join(levels) + SUFFIX


def path_of(name: str) -> str:
    """The inverse."""
    return name.removesuffix(SUFFIX).replace("%2E", ".")


def read(stream: BinaryIO, name: str = "mbox") -> Iterator[Item]:
    """Every message; only one of them is in memory at a time. InvalidValue, with the file's `name` and the line, for
    one that is too long."""
    source = MessageLines(stream, name)
    separator, is_blank = next(source, b""), False
    lines: list[bytes] = []
    if not is_mbox(separator):
        return
    for line in source:
        if is_blank and line.startswith(FROM):
            yield _item(separator, b"".join(lines), source.place)
            separator, lines = line, []
            source.begin()
        else:
            lines.append(line)
        is_blank = line in (b"\n", b"\r\n")
    yield _item(separator, b"".join(lines), source.place)


def write(stream: BinaryIO, item: Item) -> None:
    """Adds a message to the file."""
    octets = to_file(item.raw)
    moment = item.received_at.astimezone(UTC)
    date = f"{moment:%a} {_MONTHS[moment.month - 1]} {moment.day:2d} {moment:%H:%M:%S %Y}"
    stream.write(f"From MAILER-DAEMON {date}\n".encode("ascii"))
    lines = _status(item)
    stream.write(MARKER + f"{len(octets)} {len(lines)}\n".encode("ascii") + b"".join(lines))
    stream.write(_QUOTED.sub(rb">\1", octets) + b"\n\n")


def _status(item: Item) -> list[bytes]:
    letters = "".join(letter for letter in "AFTD" if item.flags & _LETTERS[letter])
    lines = [f"Status: {'RO' if item.flags & Flag.SEEN else 'O'}"]
    lines += [f"X-Status: {letters}"] if letters else []
    lines += [f"X-Keywords: {' '.join(item.keywords)}"] if item.keywords else []
    return [f"{line}\n".encode() for line in lines]


def _item(separator: bytes, octets: bytes, place: str) -> Item:
    size = len(separator) + len(octets)
    marked = octets.startswith(MARKER)
    header = octets[: _header_end(octets)]
    flags, keywords = Flag(0), ()
    if marked:
        length, header, octets = _unmark(octets)
        octets = _UNQUOTED.sub(rb"\1", octets)[:length]
    else:
        # The blank line before the next separator is the file's, not the message's.
        octets = _UNQUOTED.sub(rb"\1", _without_blank_end(octets))
    for match in _STATUS.finditer(header):
        for letter in match[1].decode("ascii").upper():
            flags |= _LETTERS.get(letter, Flag(0))
    if (found := _KEYWORDS.search(header)) is not None:
        keywords = tuple(found[1].decode("utf-8", "replace").split())
    raw = require_length(from_file(octets), place)
    return Item(raw, _date(separator), flags, keywords, size=size)


def _unmark(octets: bytes) -> tuple[int, bytes, bytes]:
    """The message's length in the file before quoting, our lines, and the message, which may begin with such lines of
    its own."""
    end = octets.index(b"\n") + 1
    match = _MARK.fullmatch(octets[len(MARKER) : end].strip())
    if match is None:
        raise InvalidValue(f"an mbox with the line {octets[:end]!r}", "it is damaged; the line tells length and lines")
    at = end
    for _ in range(int(match[2])):
        at = octets.find(b"\n", at) + 1 or len(octets)
    return int(match[1]), octets[end:at], octets[at:]


def _header_end(octets: bytes) -> int:
    ends = [found for found in (octets.find(b"\n\n"), octets.find(b"\n\r\n")) if found >= 0]
    return min(ends) + 1 if ends else len(octets)


def _without_blank_end(octets: bytes) -> bytes:
    for end in (b"\r\n\r\n", b"\n\n"):
        if octets.endswith(end):
            return octets[: len(octets) - len(end) // 2]
    return octets


def _date(separator: bytes) -> datetime:
    """The separator's date, taken as UTC; now where there is none that can be read."""
    match = _DATE.search(separator)
    try:
        if match is not None:
            month = _MONTHS.index(match[1].decode("ascii")) + 1
            year, day, hour, minute, second = (int(match[number]) for number in (6, 2, 3, 4, 5))
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        pass
    return datetime.now(UTC)
