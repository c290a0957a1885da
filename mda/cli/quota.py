"""`mda quota`: who uses how much, and counting it again. An account's limits are set by `mda account quota`."""

import sys
from pathlib import Path

import rich_click as click

from mda import settings
from mda.address import Address
from mda.cli.options import AddressType, DomainType, json_option
from mda.cli.quantities import format_size
from mda.cli.table import Column, show
from mda.metadata.directory import accounts, quotas
from mda.metadata.directory.quotas import DomainUsage, Recount, Usage
from mda.metadata.postgresql.opened import opened

COLUMNS: tuple[Column[Usage], ...] = (
    Column("address", "Account", lambda found: found.address),
    Column(
        "percent",
        "Full",
        lambda found: None if found.percent is None else round(found.percent, 1),
        lambda found: "" if found.percent is None else f"{found.percent:.0f} %",
        is_right=True,
    ),
    Column(
        "used_bytes", "Used", lambda found: found.used_bytes, lambda found: format_size(found.used_bytes), is_right=True
    ),
    Column(
        "quota_bytes",
        "Quota",
        lambda found: found.quota_bytes,
        lambda found: format_size(found.quota_bytes),
        is_right=True,
    ),
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
    Column(
        "used_bytes", "Used", lambda found: found.used_bytes, lambda found: format_size(found.used_bytes), is_right=True
    ),
    Column(
        "promised_bytes",
        "Promised",
        lambda found: found.promised_bytes,
        lambda found: format_size(found.promised_bytes),
        is_right=True,
    ),
    Column("used_messages", "Messages", lambda found: found.used_messages, is_right=True),
)

RECOUNT_COLUMNS: tuple[Column[Recount], ...] = (
    Column("address", "Account", lambda found: found.address),
    Column("bytes_before", "Bytes before", lambda found: found.bytes_before, is_right=True),
    Column("bytes_after", "Counted", lambda found: found.bytes_after, is_right=True),
    Column("messages_before", "Messages before", lambda found: found.messages_before, is_right=True),
    Column("messages_after", "Counted", lambda found: found.messages_after, is_right=True),
    Column("mailboxes", "Mailboxes wrong", lambda found: found.mailboxes, is_right=True),
)


@click.group()
def quota() -> None:
    """List who uses how much, or count it again.

    \b
    $ mda quota list --over 80
    $ mda quota recount --dry-run
    """


@quota.command("list")
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
    with opened(settings.load(config)) as handle:
        if sums:
            show(quotas.by_domain(handle), DOMAIN_COLUMNS, as_json=as_json)
        else:
            show(quotas.usage(handle, domain, over), COLUMNS, as_json=as_json)


@quota.command()
@click.argument("addresses", metavar="[ACCOUNT...]", type=AddressType(), nargs=-1)
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Say what is wrong, and change nothing.")
@json_option
@click.pass_obj
def recount(config: Path | None, addresses: tuple[Address, ...], is_rehearsal: bool, as_json: bool) -> None:
    """Count what accounts and their mailboxes hold, and mend what is wrong.

    Lists the accounts that were wrong; there should be none, also after a crash. Each account is held for as long as
    it is counted, and its mail waits so long.

    \b
    $ mda quota recount --dry-run
    $ mda quota recount anne@example.org
    """
    with opened(settings.load(config)) as handle:
        named = [accounts.find(handle, one).address for one in addresses] if addresses else None
        count, wrong = 0, []
        for found in quotas.recount(handle, named, is_rehearsal=is_rehearsal):
            count += 1
            if found.is_wrong:
                wrong.append(found)
            if sys.stderr.isatty() and count % 100 == 0:
                click.echo(f"\r{count} accounts counted", nl=False, err=True)
    show(wrong, RECOUNT_COLUMNS, as_json=as_json)
    verb = "are wrong" if is_rehearsal else "were mended"
    click.echo(f"{count} accounts counted, {len(wrong)} {verb}", err=True)
