"""`mda domain list`."""

from pathlib import Path

import click

from mda import settings
from mda.cli.options import json_option
from mda.cli.table import Column, show
from mda.metadata.directory import listings
from mda.metadata.directory.listings import Domain
from mda.metadata.postgresql.reading import reading

COLUMNS: tuple[Column[Domain], ...] = (
    Column("name", "Domain", lambda found: found.name, is_shortened=True),
    Column("alias_of", "Alias of", lambda found: found.alias_of),
    Column("accounts", "Accounts", lambda found: found.accounts, is_right=True),
    Column("aliases", "Aliases", lambda found: found.aliases, is_right=True),
    Column("created_at", "Created", lambda found: found.created_at),
)


@click.command("list")
@json_option
@click.pass_obj
def list_all(config: Path | None, as_json: bool) -> None:
    """List domains, with their accounts and aliases counted.

    \b
    $ mda domain list
    $ mda domain list --json | jq '.[].name'
    """
    with reading(settings.load(config)) as reader:
        show(listings.domains(reader), COLUMNS, as_json=as_json)
