"""`mda spam policy list`."""

from pathlib import Path

import click

from mda import settings
from mda.cli.options import json_option
from mda.cli.table import Column, show
from mda.metadata.directory import rules
from mda.metadata.directory.rules import ACTIONS, Rule
from mda.metadata.postgresql.reading import reading

COLUMNS: tuple[Column[Rule], ...] = (
    Column("whose", "Whose", lambda rule: rule.whose, lambda rule: rule.whose or "everybody", is_shortened=True),
    Column("action", "Action", lambda rule: ACTIONS[rule.action]),
    Column("sender", "Sender", lambda rule: rule.pattern, is_shortened=True),
    Column("created_at", "Created", lambda rule: rule.created_at),
)


@click.command("list")
@json_option
@click.pass_obj
def list_all(config: Path | None, as_json: bool) -> None:
    """List all rules, everybody's first.

    \b
    $ mda spam policy list
    $ mda spam policy list --json
    """
    with reading(settings.load(config)) as reader:
        found = rules.list_all(reader)
    show(found, COLUMNS, as_json=as_json)
