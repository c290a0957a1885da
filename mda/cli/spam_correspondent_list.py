"""`mda spam correspondent list`."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.account_named import account_id
from mda.cli.options import account_argument, json_option
from mda.cli.table import Column, show
from mda.metadata.learning import correspondents
from mda.metadata.learning.correspondents import Correspondent
from mda.metadata.postgresql.reading import reading

COLUMNS: tuple[Column[Correspondent], ...] = (
    Column("address", "Address", lambda found: found.address, is_shortened=True),
    Column("sent", "Sent", lambda found: found.sent, is_right=True),
    Column("last_seen_at", "Last", lambda found: found.last_seen_at),
)


@click.command("list")
@account_argument
@json_option
@click.pass_obj
def list_all(config: Path | None, account: Address, as_json: bool) -> None:
    """List an account's correspondents, the latest first.

    \b
    $ mda spam correspondent list anne@example.org --json
    """
    loaded = settings.load(config)
    with reading(loaded) as reader:
        found = correspondents.list_all(reader, account_id(reader, loaded, account))
    show(found, COLUMNS, as_json=as_json)
