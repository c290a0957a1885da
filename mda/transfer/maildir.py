"""Maildir++ (folders as `.Work.2026`, https://www.courier-mta.org/imap/README.maildirquota.html): flags in file names,
keywords as letters that `dovecot-keywords` explains, the internal date as the file's time.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from mda.metadata.schema.words import Flag
from mda.transfer.item import Item
from mda.transfer.line_ends import from_file, to_file
from mda.transfer.message_lines import read_whole, require_length
from mda.transfer.mutf7 import folder_name, path_of

FOLDERS = ("cur", "new", "tmp")
KEYWORDS = "dovecot-keywords"
MOST_KEYWORDS = 26
INBOX = "INBOX"
_LETTERS = {"S": Flag.SEEN, "R": Flag.ANSWERED, "F": Flag.FLAGGED, "T": Flag.DELETED, "D": Flag.DRAFT}


def is_maildir(folder: Path) -> bool:
    return (folder / "cur").is_dir() and (folder / "new").is_dir()


def sources(root: Path) -> tuple[tuple[str, Path], ...]:
    """Mailbox path and folder of the Maildir and of its subfolders, the root (INBOX) first."""
    below = [entry for entry in root.iterdir() if entry.name.startswith(".") and is_maildir(entry)]
    return ((INBOX, root), *sorted((path_of(entry.name), entry) for entry in below))


def size(root: Path) -> int:
    """Bytes of all messages."""
    return sum(path.stat().st_size for _, folder in sources(root) for path in _files(folder))


def read(root: Path) -> Iterator[Item]:
    """Every message, by mailbox and in the order of their dates. A file that another program moves meanwhile (it sets
    a flag) is found under its new name."""
    for mailbox, folder in sources(root):
        words = _keywords(folder)
        for path in sorted(_files(folder), key=lambda one: (one.stat().st_mtime_ns, one.name)):
            found = path if path.exists() else _renamed(path)
            if found is not None:
                yield _item(found, mailbox, words)


class MaildirWriter:
    """Writes messages into a new Maildir, each first into `tmp`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._count = 0
        self._words: dict[str, list[str]] = {}

    def add(self, item: Item) -> None:
        folder = self._root if item.mailbox == INBOX else self._root / folder_name(item.mailbox)
        if item.mailbox not in self._words:
            for name in FOLDERS:
                (folder / name).mkdir(parents=True, exist_ok=True)
            if folder != self._root:
                (folder / "maildirfolder").touch()
            self._words[item.mailbox] = []
        self._count += 1
        moment = item.received_at.timestamp()
        name = f"{int(moment)}.M{self._count:09d}P{os.getpid()}.export"
        draft = folder / "tmp" / name
        draft.write_bytes(to_file(item.raw))
        nanoseconds = round(moment * 1_000_000) * 1000
        os.utime(draft, ns=(time.time_ns(), nanoseconds))
        draft.rename(folder / "cur" / f"{name}:2,{self._letters(folder, item)}")

    def _letters(self, folder: Path, item: Item) -> str:
        flags = [letter for letter, flag in _LETTERS.items() if item.flags & flag]
        words = self._words[item.mailbox]
        fresh = [word for word in item.keywords if word not in words][: MOST_KEYWORDS - len(words)]
        if fresh:
            words += fresh
            (folder / KEYWORDS).write_text("".join(f"{place} {word}\n" for place, word in enumerate(words)))
        return "".join(
            sorted([*flags, *(chr(ord("a") + words.index(word)) for word in item.keywords if word in words)])
        )


def _item(path: Path, mailbox: str, words: dict[str, str]) -> Item:
    octets = read_whole(path)
    letters = path.name.rpartition(":2,")[2] if ":2," in path.name else ""
    flags = Flag(0)
    for letter in letters:
        flags |= _LETTERS.get(letter, Flag(0))
    microseconds = path.stat().st_mtime_ns // 1000
    received_at = datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(microsecond=microseconds % 1_000_000)
    keywords = tuple(words[letter] for letter in letters if letter in words)
    raw = require_length(from_file(octets), str(path))
    return Item(raw, received_at, flags, keywords, mailbox, size=len(octets))


def _files(folder: Path) -> list[Path]:
    found = [path for name in ("new", "cur") for path in (folder / name).iterdir()]
    return [path for path in found if path.is_file() and not path.name.startswith(".")]


def _renamed(path: Path) -> Path | None:
    base = path.name.partition(":")[0]
    return next(iter((path.parent.parent / "cur").glob(f"{base}*")), None)


def _keywords(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / KEYWORDS).read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition(" ") for line in lines)
    return {
        chr(ord("a") + int(number)): word
        for number, _, word in pairs
        if number.isascii() and number.isdigit() and len(number) < 3 and int(number) < MOST_KEYWORDS
    }
