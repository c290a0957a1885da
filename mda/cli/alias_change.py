"""`mda alias add` and `remove`."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.options import AddressType
from mda.cli.text import say
from mda.errors import InvalidValue
from mda.metadata.directory import aliases
from mda.metadata.directory.listings import written
from mda.metadata.postgresql.opened import opened


class AliasType(click.ParamType[Address]):
    """An address, or `@domain`."""

    name = "alias"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        if isinstance(value, Address):
            return value
        try:
            return aliases.parse(str(value))
        except InvalidValue as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("address", metavar="ALIAS", type=AliasType())
@click.argument("targets", metavar="ACCOUNT...", type=AddressType(), nargs=-1, required=True)
@click.pass_obj
def add(config: Path | None, address: Address, targets: tuple[Address, ...]) -> None:
    """Lead an address to accounts; @domain is a catch-all.

    A catch-all gets the mail of all addresses of its domain that are neither account nor alias. Adding to an alias
    keeps the accounts it leads to already.

    \b
    $ mda alias add sales@example.org anne@example.org bob@example.org
    $ mda alias add @example.org postmaster@example.org
    """
    with opened(settings.load(config)) as handle:
        made = aliases.add(handle, address, targets)
    say(f"{made.address} leads to {', '.join(made.targets)}")


@click.command()
@click.argument("address", metavar="ALIAS", type=AliasType())
@click.argument("targets", metavar="[ACCOUNT...]", type=AddressType(), nargs=-1)
@click.pass_obj
def remove(config: Path | None, address: Address, targets: tuple[Address, ...]) -> None:
    """Remove an alias, or accounts from it.

    Mail for a removed alias is refused (550 5.1.1), unless its domain has a catch-all.

    \b
    $ mda alias remove sales@example.org
    $ mda alias remove sales@example.org bob@example.org
    """
    with opened(settings.load(config)) as handle:
        left = aliases.remove(handle, address, targets)
    name = written(address.key)
    say(f"{name} leads to {', '.join(left.targets)}" if left else f"removed alias {name}")
