"""A prepared system to run commands on: real PostgreSQL, real shard, the settings file that `mda init` wrote."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mda.cli.main import root

SENDER = "ben@example.net"
PROGRAM = (sys.executable, "-c", "from mda.cli.start import main; main()")
"""The console script, also where it is not installed."""


@dataclass(frozen=True, slots=True)
class System:
    """Runs `mda` on one settings file."""

    file: Path
    data_dir: Path

    def run(
        self, *arguments: str, answer: str | bytes | None = None, environment: dict[str, str] | None = None
    ) -> Result:
        """One command; `answer` is its standard input."""
        settled = {"MDA_CONFIG": str(self.file), "MDA_DATABASE_URL": None, "TERMINAL_WIDTH": "200"}
        return CliRunner(env=settled | (environment or {})).invoke(root, arguments, input=answer, prog_name="mda")

    def done(self, *arguments: str, answer: str | bytes | None = None) -> str:
        """The output of a command that must succeed."""
        result = self.run(*arguments, answer=answer)
        assert result.exit_code == 0, f"{arguments}: {result.output}{result.exception!r}"
        return result.stdout

    def refused(self, *arguments: str, answer: str | bytes | None = None) -> str:
        """The error of a command that must be refused, without its newline."""
        result = self.run(*arguments, answer=answer)
        assert result.exit_code == 1, f"{arguments}: exit {result.exit_code} {result.output}"
        assert "Traceback" not in result.output
        assert isinstance(result.exception, SystemExit)
        assert result.stdout == ""
        return result.stderr.strip()

    def listed(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self.done(*arguments, "--json"))

    def deliver(self, recipient: str, raw: bytes) -> None:
        """A message by the real path: parsed, classified, stored, committed."""
        self.done("deliver", "-f", SENDER, recipient, answer=raw)


@pytest.fixture
def system(tmp_path: Path, database_url: str) -> System:
    """A system after `mda init`."""
    made = System(tmp_path / "mda.toml", tmp_path / "data")
    made.done("init", "--data-dir", str(made.data_dir), "--database-url", database_url)
    return made


@pytest.fixture
def anne(system: System) -> System:
    """A system with example.org and anne@example.org."""
    system.done("domain", "add", "example.org")
    system.done("account", "add", "anne@example.org")
    return system


@pytest.fixture
def mail(anne: System) -> Callable[..., None]:
    """Delivers a message to anne; `subject`, `sender`, `text` and `extra` header lines can be given."""

    def deliver(
        subject: str = "Hello", sender: str = "Ben <ben@example.net>", text: str = "Dear Anne", extra: str = ""
    ) -> None:
        lines = f"From: {sender}\r\nTo: anne@example.org\r\nSubject: {subject}\r\n{extra}\r\n{text}\r\n"
        anne.deliver("anne@example.org", lines.encode())

    return deliver
