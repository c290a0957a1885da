"""`mda account list`."""

from pathlib import Path

import click

from mda import settings
from mda.cli.options import DomainType, json_option
from mda.cli.table import Column, show, size_column
from mda.metadata.directory import listings
from mda.metadata.directory.listings import Account
from mda.metadata.postgresql.reading import reading
from mda.metadata.schema.words import AccountState

COLUMNS: tuple[Column[Account], ...] = (
    Column("address", "Account", lambda found: found.address, is_shortened=True),
    Column("state", "State", lambda found: found.state.value),
    size_column("used_bytes", "Used", lambda found: found.used_bytes),
    size_column("quota_bytes", "Quota", lambda found: found.quota_bytes),
    Column("used_messages", "Messages", lambda found: found.used_messages, is_right=True),
    Column("quota_messages", "Most", lambda found: found.quota_messages, is_only_json=True),
    Column("shard", "Shard", lambda found: found.shard),
    Column("has_password", "Password", lambda found: found.has_password, is_only_json=True),
    Column("created_at", "Created", lambda found: found.created_at, lambda found: f"{found.created_at:%Y-%m-%d}"),
)


@click.command("list")
@click.option("--domain", metavar="DOMAIN", type=DomainType(), help="Only accounts of this domain.")
@click.option(
    "--state", type=click.Choice([state.value for state in AccountState]), help="Only accounts in this state."
)
@json_option
@click.pass_obj
def list_all(config: Path | None, domain: str | None, state: str | None, as_json: bool) -> None:
    """List accounts, with what they use.

    \b
    $ mda account list
    $ mda account list --state disabled --json
    """
    with reading(settings.load(config)) as reader:
        found = listings.accounts(reader, domain, AccountState(state) if state else None)
    show(found, COLUMNS, as_json=as_json)
