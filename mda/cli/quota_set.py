"""`mda quota set`: what accounts, and domains as a whole, may use."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.options import AddressType, DomainType, json_option
from mda.cli.quantities import Count, Percent, Size
from mda.cli.quota_show import columns, sentence
from mda.cli.table import show
from mda.cli.text import say
from mda.metadata.directory import accounts, domain_quotas, quotas
from mda.metadata.directory.quotas import Standing
from mda.metadata.postgresql.opened import opened


@click.command("set")
@click.argument("addresses", metavar="[ACCOUNT...]", type=AddressType(), nargs=-1)
@click.option("--domain", metavar="DOMAIN", type=DomainType(), help="What all accounts of this domain use together.")
@click.option("--size", metavar="SIZE", help="Most bytes, like 5GB, or none.")
@click.option("--messages", metavar="NUMBER", help="Most messages, or none.")
@click.option("--warn", metavar="PERCENT", help="When a warning is sent; none: never; default: as in the settings.")
@click.option("--grace", metavar="PERCENT", help="How far the last message may go beyond; default: as in the settings.")
@json_option
@click.pass_obj
def set_(
    config: Path | None,
    addresses: tuple[Address, ...],
    domain: str | None,
    size: str | None,
    messages: str | None,
    warn: str | None,
    grace: str | None,
    as_json: bool,
) -> None:
    """Set what accounts, or a domain as a whole, may use.

    What is not named stays. At --warn percent of the quota (the soft limit) the account's owner, or the domain's
    postmaster, gets a warning mail, once until it has been below. At the quota (the hard limit) mail is refused; the
    last one may go --grace percent beyond it.

    \b
    $ mda quota set anne@example.org ben@example.org --size 5GB --messages 100000
    $ mda quota set anne@example.org --warn 80 --grace none
    $ mda quota set --domain example.org --size 500GB
    """
    given = (
        ("quota_bytes", size, Size()),
        ("quota_messages", messages, Count()),
        ("warn_percent", warn, Percent()),
        ("grace_percent", grace, Percent()),
    )
    changed = {name: kind.convert(text, None, None) for name, text, kind in given if text is not None}
    if bool(addresses) == (domain is not None):
        raise click.UsageError("name accounts, or a domain by --domain")
    if not changed:
        raise click.UsageError("say what to set: --size, --messages, --warn or --grace")
    chosen = settings.load(config)
    found: list[Standing] = []
    with opened(chosen) as handle:
        if domain is not None:
            found.append(domain_quotas.change(handle, domain, changed))
        for address in addresses:
            accounts.set_quota(handle, address, **changed)
            found.append(quotas.of_account(handle, address))
    if as_json:
        show(found, columns(chosen.quota), as_json=True)
        return
    for one in found:
        say(sentence(one, chosen.quota))
