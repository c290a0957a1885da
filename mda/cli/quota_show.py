"""`mda quota show`: what an account, or a domain as a whole, may use, and uses."""

from pathlib import Path

import click

from mda import quota, settings
from mda.address import Address
from mda.cli.options import AddressType, DomainType
from mda.cli.table import Column, show_one, size_column
from mda.metadata.directory import domain_quotas, quotas
from mda.metadata.directory.quotas import Standing
from mda.metadata.postgresql.opened import opened
from mda.settings import Quota
from mda.sizes import format_size


@click.command()
@click.argument("address", metavar="[ACCOUNT]", type=AddressType(), required=False)
@click.option("--domain", metavar="DOMAIN", type=DomainType(), help="What all accounts of this domain use together.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(config: Path | None, address: Address | None, domain: str | None, as_json: bool) -> None:
    """Show what an account, or a domain as a whole, may use, and uses.

    \b
    $ mda quota show anne@example.org
    $ mda quota show --domain example.org --json
    """
    if (address is None) == (domain is None):
        raise click.UsageError("name an account, or a domain by --domain")
    chosen = settings.load(config)
    with opened(chosen) as handle:
        found = quotas.of_account(handle, address) if address else domain_quotas.change(handle, str(domain), {})
    show_one(found, columns(chosen.quota), as_json=as_json)


def sentence(found: Standing, chosen: Quota) -> str:
    """All of it in a line."""
    return (
        f"{found.name}: {format_size(found.used_bytes)} used of {_size(found)},"
        f" {found.used_messages} messages of {_messages(found)};"
        f" warning at {_warn(found, chosen)}, grace {_grace(found, chosen)}"
    )


def columns(chosen: Quota) -> tuple[Column[Standing], ...]:
    """Its keys in JSON."""
    return (
        Column("name", "", lambda found: found.name),
        Column("quota_bytes", "", lambda found: found.quota_bytes, _size),
        Column("quota_messages", "", lambda found: found.quota_messages, _messages),
        Column("warn_percent", "", lambda found: found.warn_percent, lambda found: _warn(found, chosen)),
        Column("grace_percent", "", lambda found: found.grace_percent, lambda found: _grace(found, chosen)),
        size_column("used_bytes", "", lambda found: found.used_bytes),
        Column("used_messages", "", lambda found: found.used_messages),
        Column("percent", "", quota.percent, lambda found: _or_none(quota.percent(found), " %")),
        Column("warned_at", "", lambda found: found.warned_at, _warned),
    )


def _warned(found: Standing) -> str:
    return f"{found.warned_at.astimezone():%Y-%m-%d %H:%M}" if found.warned_at else "never"


def _size(found: Standing) -> str:
    return format_size(found.quota_bytes)


def _messages(found: Standing) -> str:
    return _or_none(found.quota_messages)


def _warn(found: Standing, chosen: Quota) -> str:
    return _percent(found.warn_percent, chosen.warn_percent)


def _grace(found: Standing, chosen: Quota) -> str:
    return _percent(found.grace_percent, chosen.grace_percent)


def _percent(own: int | None, default: int) -> str:
    return f"{default} % (default)" if own is None else f"{own} %"


def _or_none(number: int | None, unit: str = "") -> str:
    return "none" if number is None else f"{number}{unit}"
