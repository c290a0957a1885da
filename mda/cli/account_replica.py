"""`mda account replica`: a second shard for an account's bodies."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.options import AddressType
from mda.errors import InvalidValue
from mda.metadata.directory import accounts, shards
from mda.metadata.mailbox import replicas
from mda.metadata.postgresql.opened import opened


@click.command()
@click.argument("addresses", metavar="ACCOUNT...", type=AddressType(), nargs=-1, required=True)
@click.option("--shard", "name", metavar="NAME", help="The second shard.")
@click.option("--none", "is_none", is_flag=True, help="No second shard any more.")
@click.pass_obj
def replica(config: Path | None, addresses: tuple[Address, ...], name: str | None, is_none: bool) -> None:
    """Keep an account's bodies on a second shard, too.

    New mail is written to both before the reply (delivery.replicas), older mail by mda storage replicate. Where the
    first shard can't be read the second one is, and mda storage check --repair mends the one from the other. Where one
    of the accounts is refused, none is changed.

    \b
    $ mda account replica anne@example.org bob@example.org --shard second
    $ mda account replica anne@example.org --none
    """
    if (name is None) != is_none:
        raise InvalidValue("neither or both of --shard and --none are given", "name a shard, or none")
    with opened(settings.load(config)) as handle:
        shard_id = None if name is None else shards.find(handle, name).id
        found = [accounts.find(handle, address) for address in addresses]
        replicas.set_shard(handle, [one.id for one in found], shard_id)
        for one in found:
            click.echo(f"{one.address}: " + ("no replicas" if name is None else f"replicas on shard {name}"))
