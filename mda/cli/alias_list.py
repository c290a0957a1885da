"""`mda alias list`."""

from pathlib import Path

import click

from mda import settings
from mda.cli.options import DomainType, json_option
from mda.cli.table import Column, show
from mda.metadata.directory import listings
from mda.metadata.directory.listings import Alias
from mda.metadata.postgresql.reading import reading

COLUMNS: tuple[Column[Alias], ...] = (
    Column("address", "Alias", lambda found: found.address),
    Column("targets", "Accounts", lambda found: found.targets),
    Column("is_catch_all", "Catch-all", lambda found: found.is_catch_all, is_only_json=True),
)


@click.command("list")
@click.option("--domain", metavar="DOMAIN", type=DomainType(), help="Only aliases of this domain.")
@json_option
@click.pass_obj
def list_all(config: Path | None, domain: str | None, as_json: bool) -> None:
    """List aliases and catch-alls.

    \b
    $ mda alias list
    $ mda alias list --domain example.org --json
    """
    with reading(settings.load(config)) as reader:
        show(listings.aliases(reader, domain), COLUMNS, as_json=as_json)
