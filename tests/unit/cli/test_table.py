"""mda.cli.table and text: listings for terminals, pipes and programs."""

import json
import os
import pty
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mda.cli.table import Column, _widths, show, to_json
from mda.cli.text import cells, visible
from tests.unit.cli.conftest import PROGRAM, System

NARROW = 80


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    size: int
    at: datetime
    tags: tuple[str, ...] = ()
    is_new: bool = False
    note: str | None = None


COLUMNS: tuple[Column[Row], ...] = (
    Column("name", "Name", lambda row: row.name, is_shortened=True),
    Column("size", "Size", lambda row: row.size, lambda row: f"{row.size} B", is_right=True),
    Column("at", "At", lambda row: row.at),
    Column("tags", "Tags", lambda row: row.tags),
    Column("is_new", "New", lambda row: row.is_new),
    Column("note", "Note", lambda row: row.note, is_only_json=True),
)
AT = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)


def shown(*rows: Row, as_json: bool = False) -> str:
    with CliRunner().isolation() as streams:
        show(rows, COLUMNS, as_json=as_json)
        return streams[0].getvalue().decode()


def test_pipe_gets_one_line_a_row_with_plain_values() -> None:
    assert shown(Row("a\tb\nc", 12345, AT, ("x", "y")), Row("long " * 50, 0, AT, is_new=True)) == (
        "a\\x09b\\x0ac\t12345\t2026-11-23T12:00:30Z\tx,y\tno\n" + "long " * 50 + "\t0\t2026-11-23T12:00:30Z\t\tyes\n"
    )
    assert shown() == ""


def test_json_has_every_key_and_keeps_types() -> None:
    (row,) = json.loads(shown(Row("ż", 1, AT, ("x",)), as_json=True))
    assert row == {"name": "ż", "size": 1, "at": "2026-11-23T12:00:30Z", "tags": ["x"], "is_new": False, "note": None}
    assert json.loads(shown(as_json=True)) == []


@given(st.text())
def test_nothing_that_is_printed_obeys(text: str) -> None:
    for written in (visible(text), to_json(text)):
        assert not set(written) & {chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x202E, 0x2066, 0x200F)}
        written.encode()
    if text.isprintable():
        assert visible(text) == text
    assert json.loads(to_json(text)) == text


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("", 0), ("日本", 4), ("e\u0301", 1), ("ż", 1)])
def test_cells_are_columns_of_a_terminal(text: str, width: int) -> None:
    assert cells(text) == width


@pytest.mark.parametrize(
    ("contents", "window", "widths"),
    [
        (("ab", "123456"), 80, [4, 6]),
        (("x" * 200, "1"), 80, [74, 4]),
        (("x" * 200, "1" * 70), 80, [8, 70]),
    ],
)
def test_shortened_columns_take_what_the_others_leave(
    contents: tuple[str, str], window: int, widths: list[int]
) -> None:
    assert _widths(COLUMNS[:2], [contents], window) == widths


def test_short_columns_leave_their_share_to_long_ones() -> None:
    two: tuple[Column[Row], ...] = (COLUMNS[0], COLUMNS[0])
    assert _widths(two, [("x" * 10, "y" * 100)], 60) == [10, 48]
    assert _widths(two, [("x" * 100, "y" * 100)], 62) == [30, 30]


def test_terminal_gets_a_table_of_its_width(anne: System) -> None:
    anne.deliver("anne@example.org", f"From: {'f' * 60}@x.test\r\nSubject: {'[bold]s ' * 30}\r\n\r\n.\r\n".encode())
    accounts = on_terminal(anne, "account", "list")
    assert accounts[0].split() == ["Account", "State", "Used", "Quota", "Messages", "Shard", "Created"]
    assert accounts[1].split()[:2] == ["anne@example.org", "active"]
    messages = on_terminal(anne, "message", "list", "anne@example.org")
    assert messages[0].split() == ["UID", "Date", "From", "Subject", "Size", "Flags", "Spam"]
    assert messages[1].count("…") == 2
    assert "[bold]s" in messages[1], "mail is no markup"
    assert len(messages) == 2


def on_terminal(system: System, *arguments: str) -> list[str]:
    """The lines that a command prints on a terminal of 80 columns, without colours."""
    controller, terminal = pty.openpty()
    environment = {**os.environ, "MDA_CONFIG": str(system.file), "COLUMNS": str(NARROW), "TERM": "dumb"}
    process = subprocess.Popen(
        [*PROGRAM, *arguments], env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    output = b""
    try:
        while piece := os.read(controller, 4096):
            output += piece
    except OSError:  # Linux says EIO where the other side has gone
        pass
    os.close(controller)
    assert process.wait() == 0, output
    lines = output.decode().splitlines()
    assert max(cells(line) for line in lines) <= NARROW
    return lines
