"""How a listing is printed.

    on a terminal   a table with headings, fitted to the window
    into a pipe     one line a row, tabs between, no heading, nothing shortened (`cut -f`, `awk -F'\\t'`)
    with --json     one JSON array of objects; its keys stay as they are from version to version

Text from outside is made safe first (`mda.cli.text`), except in JSON, where such characters are written as escapes.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar

import click

from mda.cli.text import cells, visible
from mda.sizes import format_size

Row = TypeVar("Row")
Value = str | int | float | bool | datetime | None | tuple[str, ...]

_RAW_IN_JSON = r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"

GAP = 2
NARROWEST = 8
"""Columns are not shortened below this."""


class Column(NamedTuple, Generic[Row]):
    """One column: its JSON key, its heading, its value, and its form for people where the plain one is unhandy."""

    key: str
    heading: str
    value: Callable[[Row], Value]
    form: Callable[[Row], str] | None = None
    is_right: bool = False
    is_shortened: bool = False
    """May be cut, with an ellipsis, to fit the window; other columns are folded."""
    is_only_json: bool = False


def size_column(key: str, heading: str, octets: Callable[[Row], int | None]) -> Column[Row]:
    """Of sizes: octets in JSON and in a pipe, `1.5 GB` for people."""
    return Column(key, heading, octets, lambda row: format_size(octets(row)), is_right=True)


def show(rows: Iterable[Row], columns: Sequence[Column[Row]], *, as_json: bool) -> None:
    """Prints a listing to standard output."""
    if as_json:
        click.echo(to_json([{column.key: _json_value(column.value(row)) for column in columns} for row in rows]))
        return
    shown = [column for column in columns if not column.is_only_json]
    if sys.stdout.isatty():
        _print_table(rows, shown)
    else:
        for row in rows:
            click.echo("\t".join(_plain(column.value(row)) for column in shown))


def show_one(row: Row, columns: Sequence[Column[Row]], *, as_json: bool) -> None:
    """Prints one row: as a JSON object, or as `key = value` lines."""
    if as_json:
        click.echo(to_json({column.key: _json_value(column.value(row)) for column in columns}))
        return
    for column in columns:
        if not column.is_only_json:
            click.echo(f"{column.key} = {_for_people(column, row)}")


def to_json(document: object) -> str:
    """Indented JSON, in UTF-8 but for characters that a terminal might obey."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return re.sub(_RAW_IN_JSON, lambda match: f"\\u{ord(match[0]):04x}", text)


def _print_table(rows: Iterable[Row], columns: Sequence[Column[Row]]) -> None:
    # Not for the lines of a pipe: it takes as long to import as the rest of a listing.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console()
    lines = [[_for_people(column, row) for column in columns] for row in rows]
    widths = _widths(columns, lines, console.width)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold underline")
    for column, width in zip(columns, widths, strict=True):
        table.add_column(
            column.heading,
            justify="right" if column.is_right else "left",
            no_wrap=width is not None,
            overflow="ellipsis" if column.is_shortened else "fold",
            width=width,
        )
    for line in lines:
        table.add_row(*(Text(text) for text in line))
    console.print(table)


def _widths(columns: Sequence[Column[Row]], lines: Sequence[Sequence[str]], window: int) -> list[int | None]:
    """A width for each column: shortened columns share what the others leave; None leaves it to rich, which folds."""
    widest = [max(cells(text) for text in (c.heading, *(line[n] for line in lines))) for n, c in enumerate(columns)]
    shortened = sorted((widest[number], number) for number, column in enumerate(columns) if column.is_shortened)
    if not shortened:
        return [width if column.is_right else None for column, width in zip(columns, widest, strict=True)]
    spare = window - GAP * (len(columns) - 1) - sum(widest) + sum(width for width, _ in shortened)
    widths: list[int | None] = list(widest)
    for place, (width, number) in enumerate(shortened):  # narrow ones first: what they do not need is the others'
        widths[number] = min(width, max(spare // (len(shortened) - place), NARROWEST))
        spare -= widths[number] or 0
    return widths


def _for_people(column: Column[Row], row: Row) -> str:
    if column.form is not None:
        return visible(column.form(row))
    value = column.value(row)
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M")
    return ", ".join(visible(item) for item in value) if isinstance(value, tuple) else _plain(value)


def _plain(value: Value) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return _iso(value)
        case tuple():
            return ",".join(visible(item) for item in value)
        case _:
            return visible(str(value))


def _json_value(value: Value) -> object:
    return _iso(value) if isinstance(value, datetime) else value


def _iso(moment: datetime) -> str:
    """RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
