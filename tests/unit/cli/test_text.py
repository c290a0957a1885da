"""What was made before names were checked, or by hand: printed by every command, obeyed by no terminal."""

import re

import pytest
from sqlalchemy import Engine, text

from tests.unit.cli.conftest import System

BELL = "\x07"
ODD = f"o{BELL}\u202ed"
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")

COMMANDS = (
    ("shard", "list"),
    ("shard", "set", ODD, "--weight", "1"),
    ("shard", "remove", ODD),
    ("shard", "drain", ODD),
    ("shard", "move", "anne@example.org", ODD),
    ("shard", "move", "anne@example.org", ODD, "--dry-run"),
    ("account", "list"),
    ("account", "add", "bob@example.org"),
    ("account", "quota", "anne@example.org", "5GB"),
    ("account", "disable", "anne@example.org"),
    ("account", "enable", "anne@example.org"),
    ("account", "hold", "anne@example.org"),
    ("account", "hold", "anne@example.org", "--lift"),
    ("account", "retention", "anne@example.org", "3"),
    ("account", "replica", "anne@example.org"),
    ("account", "passwd", "anne@example.org", "--password-stdin"),
    ("alias", "add", "info@example.org", "anne@example.org"),
    ("alias", "list"),
    ("alias", "remove", "info@example.org"),
    ("domain", "list"),
    ("domain", "defaults", "example.org", "--shard", ODD),
    ("mailbox", "list", "anne@example.org"),
    ("mailbox", "create", "anne@example.org", "x\u202ey"),
    ("mailbox", "rename", "anne@example.org", "x\u202ey", "y\u202ex"),
    ("mailbox", "delete", "anne@example.org", "y\u202ex", "--yes"),
    ("message", "list", "anne@example.org"),
    ("message", "search", "anne@example.org"),
    ("message", "move", "anne@example.org", "INBOX:1", "z\u202ez"),
    ("message", "search", "anne@example.org"),
    ("message", "show", "anne@example.org", "z\u202ez:1"),
    ("message", "expunge", "anne@example.org", "z\u202ez:1"),
    ("undelete", "anne@example.org"),
    ("trace", "anne@example.org"),
    ("spam", "explain", "anne@example.org", "z\u202ez:2"),
    ("spam", "policy", "set", "--account", "anne@example.org", "--threshold", "0.9"),
    ("spam", "policy", "list"),
    ("spam", "correspondent", "add", "anne@example.org", "ben@example.net"),
    ("spam", "correspondent", "list", "anne@example.org"),
    ("quota", "list"),
    ("quota", "show", "anne@example.org"),
    ("quota", "set", "anne@example.org", "--size", "1GB"),
    ("quota", "recount"),
    ("check", "--no-postfix"),
    ("storage", "check"),
    ("storage", "compact"),
    ("storage", "checkpoint"),
    ("account", "delete", "anne@example.org"),
    ("account", "delete", "anne@example.org", "--purge"),
)


@pytest.mark.parametrize("as_json", [False, True])
def test_names_that_hold_control_characters_are_escaped(anne: System, engine: Engine, as_json: bool) -> None:
    anne.deliver("anne@example.org", b"Subject: Hello\r\n\r\n")
    anne.done("mailbox", "create", "anne@example.org", "z\u202ez")
    with engine.begin() as connection:
        connection.execute(text("UPDATE shard SET name = :odd"), {"odd": ODD})
        connection.execute(text("UPDATE account SET address = :odd"), {"odd": f"{ODD}@example.org"})
    for words in COMMANDS:
        result = anne.run(*words, *(["--json"] if as_json else []), answer="y\n")
        assert UNSAFE.findall(result.output) == [], words
        assert isinstance(result.exception, SystemExit | None), words
