"""Rows for an import: a CSV file (RFC 4180, with a heading), or a query on another PostgreSQL.

A row that can't be understood is no end: it is given as `Unreadable`, with its line.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click

from mda import address as addresses
from mda.auth.passwords import require_understood
from mda.cli.quantities import Count, Size
from mda.errors import InvalidValue, MdaError
from mda.metadata.directory import aliases
from mda.metadata.directory.accounts import Default, NewAccount
from mda.metadata.directory.bulk import NewAlias

ACCOUNT_COLUMNS = ("address", "password_hash", "quota", "messages", "shard")
ALIAS_COLUMNS = ("address", "targets")

MOST_CHARACTERS = 1_000_000
"""Of a row, line ends included; csv takes 131,072 in a field."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that says nothing that can be done."""

    place: str
    reason: str


Fields = dict[str, str]


@contextmanager
def csv_rows(file: Path) -> Iterator[Iterator[Fields]]:
    """The rows of a CSV file in UTF-8, or of standard input for `-`. InvalidValue where it can't be read."""
    try:
        with click.open_file(str(file), encoding="utf-8-sig", errors="strict") as stream:
            yield _read(stream, str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"{file}: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}") from error


def _read(stream: IO[Any], name: str) -> Iterator[Fields]:
    lines = _Lines(stream, name)
    reader = csv.DictReader(lines, strict=True)
    try:
        _require_heading(list(reader.fieldnames or ()), name)
        for row in reader:
            lines.begin()
            if None in row or None in row.values():
                yield {"": "it has more or fewer fields than the heading"}
            else:
                yield row
    except csv.Error as error:
        raise InvalidValue(f"{name}: line {reader.line_num}: {error}", "quote fields with commas") from error


def _require_heading(names: list[str], file: str) -> None:
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise InvalidValue(f"{file}: two columns {twice!r}", "name each once")
    if not names:
        raise InvalidValue(f"{file} is empty", "its first line names the columns")


class _Lines:
    """A file's lines; InvalidValue names the one with which a row becomes longer than any may be."""

    def __init__(self, stream: IO[Any], name: str) -> None:
        self._stream = stream
        self._name = name
        self._number = 0
        self._taken = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line: str = self._stream.readline(MOST_CHARACTERS - self._taken + 1)
        if not line:
            raise StopIteration
        self._number += 1
        self._taken += len(line)
        if self._taken > MOST_CHARACTERS:
            raise InvalidValue(
                f"{self._name}: line {self._number}: a row of more than {MOST_CHARACTERS} characters",
                "this is no CSV file, or a quote is missing",
            )
        return line

    def begin(self) -> None:
        """What comes is another row."""
        self._taken = 0


def require_columns(fields: Fields, known: tuple[str, ...], needed: tuple[str, ...]) -> None:
    """InvalidValue unless the columns are those of this kind of import: a typing error would drop all its values."""
    if "" in fields:
        return
    strange = [name for name in fields if name not in known]
    missing = [name for name in needed if name not in fields]
    if strange or missing:
        problem = f"unknown column {strange[0]!r}" if strange else f"no column {missing[0]!r}"
        raise InvalidValue(problem, f"the columns are: {', '.join(known)}")


def account_of(fields: Fields, place: str) -> NewAccount | Unreadable:
    """An account; an empty field is left to the domain's defaults."""
    try:
        _require_whole(fields)
        hashed = fields.get("password_hash", "").strip() or None
        if hashed is not None:
            require_understood(hashed)
        quota, messages = fields.get("quota", "").strip(), fields.get("messages", "").strip()
        return NewAccount(
            addresses.parse(fields["address"].strip()),
            hashed,
            Size().convert(quota, None, None) if quota else Default.OF_DOMAIN,
            Count().convert(messages, None, None) if messages else Default.OF_DOMAIN,
            fields.get("shard", "").strip() or None,
        )
    except (MdaError, click.BadParameter) as error:
        return Unreadable(place, str(error))


def alias_of(fields: Fields, place: str) -> NewAlias | Unreadable:
    """An alias or catch-all; its targets are parted by blanks or commas."""
    try:
        _require_whole(fields)
        targets = tuple(addresses.parse(word) for word in fields["targets"].replace(",", " ").split())
        if not targets:
            raise InvalidValue("it leads to no account")
        return NewAlias(aliases.parse(fields["address"].strip()), targets)
    except MdaError as error:
        return Unreadable(place, str(error))


def _require_whole(fields: Fields) -> None:
    if "" in fields:
        raise InvalidValue(fields[""])
