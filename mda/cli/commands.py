"""Walking over all commands, loaded: for what is made from them (manual pages), and for tests."""

from collections.abc import Iterator

import click

from mda.cli.lazy import Deferred

Path = tuple[str, ...]


def loaded(command: click.Command) -> click.Command:
    return command.entry.load() if isinstance(command, Deferred) else command


def walk(command: click.Command, path: Path = ()) -> Iterator[tuple[Path, click.Command]]:
    """A command and everything below it, groups before their commands, in the order of their help."""
    command = loaded(command)
    yield path, command
    if isinstance(command, click.Group):
        for name in command.commands:
            yield from walk(command.commands[name], (*path, name))
