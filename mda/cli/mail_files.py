"""Messages in files: an mbox, a Maildir, a folder with one message a file, or one message."""

from collections.abc import Iterator
from pathlib import Path

from mda.errors import InvalidValue
from mda.settings import MOST_MESSAGE_BYTES
from mda.transfer.message_lines import MessageLines, require_length

_FROM = b"From "
MAILDIR = ("cur", "new")


def read(place: Path) -> Iterator[bytes]:
    """Every message of a file or folder, in the order of names; line ends are CRLF. InvalidValue where there is
    none."""
    try:
        yield from _folder(place) if place.is_dir() else _file(place)
    except OSError as error:
        raise InvalidValue(f"{error.filename or place}: {error.strerror}") from error


def _folder(folder: Path) -> Iterator[bytes]:
    is_maildir = all((folder / name).is_dir() for name in MAILDIR)
    folders = [folder / name for name in MAILDIR] if is_maildir else [folder]
    found = sorted(path for one in folders for path in one.iterdir() if path.is_file() and path.name[0] != ".")
    if not found:
        raise InvalidValue(f"{folder} holds no messages", "name a Maildir, or a folder with one message a file")
    for path in found:
        yield from _file(path)


def _file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        is_mbox = stream.peek(len(_FROM)).startswith(_FROM)  # what can't be sought back in, a pipe, has it, too
        if is_mbox:
            yield from _mbox(MessageLines(stream, str(path)))
        else:
            whole = require_length(stream.read(MOST_MESSAGE_BYTES + 1), str(path))
            yield require_length(_crlf(whole), str(path))


def _mbox(source: MessageLines) -> Iterator[bytes]:
    """RFC 4155: a message begins behind `From ` at the start of a line that follows an empty one."""
    next(source)
    lines: list[bytes] = []
    is_blank = False
    for line in source:
        if is_blank and line.startswith(_FROM):
            yield require_length(_crlf(b"".join(lines)), source.place)
            lines = []
            source.begin()
        else:
            lines.append(line)
        is_blank = line in (b"\n", b"\r\n")
    yield require_length(_crlf(b"".join(lines)), source.place)


def _crlf(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
