"""`mda quota list`: who uses how much."""

from pathlib import Path
from typing import TypeVar

import click

from mda import settings
from mda.cli.options import DomainType, MeasureType, json_option
from mda.cli.table import Column, show, size_column
from mda.metadata.directory import listings
from mda.metadata.directory.listings import DomainUsage, Usage
from mda.metadata.postgresql.reading import reading

Row = TypeVar("Row", Usage, DomainUsage)


def _percent_column() -> Column[Row]:
    return Column(
        "percent",
        "Full",
        lambda found: None if found.percent is None else round(found.percent, 1),
        lambda found: "" if found.percent is None else f"{int(found.percent)} %",  # as `mda quota show` has it
        is_right=True,
    )


COLUMNS: tuple[Column[Usage], ...] = (
    Column("address", "Account", lambda found: found.address, is_shortened=True),
    _percent_column(),
    size_column("used_bytes", "Used", lambda found: found.used_bytes),
    size_column("quota_bytes", "Quota", lambda found: found.quota_bytes),
    Column("used_messages", "Messages", lambda found: found.used_messages, is_right=True),
    Column(
        "quota_messages",
        "Most",
        lambda found: found.quota_messages,
        lambda found: "none" if found.quota_messages is None else str(found.quota_messages),
        is_right=True,
    ),
    Column("warned_at", "Warned", lambda found: found.warned_at, is_only_json=True),
)

DOMAIN_COLUMNS: tuple[Column[DomainUsage], ...] = (
    Column("domain", "Domain", lambda found: found.domain, is_shortened=True),
    _percent_column(),
    size_column("used_bytes", "Used", lambda found: found.used_bytes),
    size_column("quota_bytes", "Quota", lambda found: found.quota_bytes),
    size_column("promised_bytes", "Promised", lambda found: found.promised_bytes),
    Column("accounts", "Accounts", lambda found: found.accounts, is_right=True),
    Column("used_messages", "Messages", lambda found: found.used_messages, is_right=True),
    Column("quota_messages", "Most", lambda found: found.quota_messages, is_only_json=True),
    Column("warned_at", "Warned", lambda found: found.warned_at, is_only_json=True),
)


@click.command("list")
@click.option("--over", type=MeasureType(min=0), metavar="PERCENT", help="Only those so full, or more.")
@click.option("--domain", metavar="DOMAIN", type=DomainType(), help="Only of this domain.")
@click.option("--by-domain", "sums", is_flag=True, help="Each domain as a whole, and what its accounts are promised.")
@json_option
@click.pass_obj
def list_all(config: Path | None, over: float | None, domain: str | None, sums: bool, as_json: bool) -> None:
    """List accounts by how full they are, the fullest first.

    \b
    $ mda quota list --over 80
    $ mda quota list --domain example.org --json
    $ mda quota list --by-domain --over 80
    """
    with reading(settings.load(config)) as reader:
        if sums:
            show(listings.usage_by_domain(reader, domain, over), DOMAIN_COLUMNS, as_json=as_json)
        else:
            show(listings.usage(reader, domain, over), COLUMNS, as_json=as_json)
