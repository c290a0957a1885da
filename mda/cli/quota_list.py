"""`mda quota list`: who uses how much."""

from pathlib import Path

import click

from mda import settings
from mda.cli.options import DomainType, json_option
from mda.cli.table import Column, show, size_column
from mda.metadata.directory import listings
from mda.metadata.directory.listings import DomainUsage, Usage
from mda.metadata.postgresql.reading import reading

COLUMNS: tuple[Column[Usage], ...] = (
    Column("address", "Account", lambda found: found.address),
    Column(
        "percent",
        "Full",
        lambda found: None if found.percent is None else round(found.percent, 1),
        lambda found: "" if found.percent is None else f"{found.percent:.0f} %",
        is_right=True,
    ),
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
)

DOMAIN_COLUMNS: tuple[Column[DomainUsage], ...] = (
    Column("domain", "Domain", lambda found: found.domain),
    Column("accounts", "Accounts", lambda found: found.accounts, is_right=True),
    size_column("used_bytes", "Used", lambda found: found.used_bytes),
    size_column("promised_bytes", "Promised", lambda found: found.promised_bytes),
    Column("used_messages", "Messages", lambda found: found.used_messages, is_right=True),
)


@click.command("list")
@click.option("--over", type=click.FloatRange(min=0), metavar="PERCENT", help="Only those so full, or more.")
@click.option("--domain", metavar="DOMAIN", type=DomainType(), help="Only accounts of this domain.")
@click.option("--by-domain", "sums", is_flag=True, help="Sums of each domain, and what its accounts are promised.")
@json_option
@click.pass_obj
def list_all(config: Path | None, over: float | None, domain: str | None, sums: bool, as_json: bool) -> None:
    """List accounts by how full they are, the fullest first.

    \b
    $ mda quota list --over 80
    $ mda quota list --domain example.org --json
    $ mda quota list --by-domain
    """
    if sums and (over is not None or domain is not None):
        raise click.UsageError("--by-domain shows all domains: leave --over and --domain out")
    with reading(settings.load(config)) as reader:
        if sums:
            show(listings.usage_by_domain(reader), DOMAIN_COLUMNS, as_json=as_json)
        else:
            show(listings.usage(reader, domain, over), COLUMNS, as_json=as_json)
