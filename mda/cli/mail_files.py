"""Messages in files: an mbox, a Maildir, a folder with one message a file, or one message."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mda.errors import InvalidValue

_FROM = b"From "
MAILDIR = ("cur", "new")


def read(place: Path) -> Iterator[bytes]:
    """Every message of a file or folder, in the order of names; line ends are CRLF. InvalidValue where there is
    none."""
    try:
        yield from map(_crlf, _folder(place) if place.is_dir() else _file(place))
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
        first = stream.readline()
        if first.startswith(_FROM):
            yield from _mbox(stream)
        else:
            yield first + stream.read()


def _mbox(stream: BinaryIO) -> Iterator[bytes]:
    """RFC 4155: a message begins behind `From ` at the start of a line that follows an empty one."""
    lines: list[bytes] = []
    is_blank = False
    for line in stream:
        if is_blank and line.startswith(_FROM):
            yield b"".join(lines)
            lines = []
        else:
            lines.append(line)
        is_blank = line in (b"\n", b"\r\n")
    yield b"".join(lines)


def _crlf(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
