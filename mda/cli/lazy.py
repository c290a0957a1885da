"""A command group whose commands are imported when they are run, so that `mda --help` stays quick.

Each command stands in a table with its summary; only the command that is run loads its module (and, through it, the
database library). A summary must equal the one in the command's own help, which a test holds.
"""

import keyword
from typing import Any, NamedTuple

import click

from mda.cli.start import imported
from mda.errors import InvalidValue


class Entry(NamedTuple):
    """One command of the table: the name, the module under mda.cli that defines it under that name, or under
    `function`, and the summary."""

    name: str
    module: str
    summary: str
    function: str = ""

    def load(self) -> click.Command:
        command = getattr(imported(f"mda.cli.{self.module}"), self.function or _attribute(self.name))
        if not isinstance(command, click.Command):  # pragma: no cover - a mistake in the table
            raise InvalidValue(f"mda.cli.{self.module}.{self.name} is not a command")
        return command


def _attribute(name: str) -> str:
    """A command that is called as a word of Python has an underscore behind it."""
    return f"{name}_" if keyword.iskeyword(name) else name


class Deferred(click.Command):
    """Stands for a command until it is run."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(name=entry.name, short_help=entry.summary)
        self.entry = entry


class LazyGroup(click.Group):
    """A group of `entries`; their modules are imported by `resolve_command` only."""

    def __init__(self, *args: Any, entries: tuple[Entry, ...] = (), **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        for entry in entries:
            self.add_command(Deferred(entry))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the table's order, which is the order of use."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.entry.load() if isinstance(command, Deferred) else command, rest
