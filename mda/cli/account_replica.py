"""`mda account replica`: a second shard for an account's bodies."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.options import AddressType
from mda.cli.text import say
from mda.errors import InvalidValue
from mda.metadata.directory import accounts, shards
from mda.metadata.mailbox import replicas
from mda.metadata.postgresql.opened import Handle, opened


@click.command()
@click.argument("addresses", metavar="[ACCOUNT...]", type=AddressType(), nargs=-1)
@click.option("--from", "first", metavar="NAME", help="All accounts of this shard, instead of named ones.")
@click.option("--now-on", "present", metavar="NAME", help="Of those, the ones with this second shard.")
@click.option("--shard", "name", metavar="NAME", help="The second shard.")
@click.option("--none", "is_none", is_flag=True, help="No second shard any more.")
@click.pass_obj
def replica(
    config: Path | None,
    addresses: tuple[Address, ...],
    first: str | None,
    present: str | None,
    name: str | None,
    is_none: bool,
) -> None:
    """Keep an account's bodies on a second shard, too.

    New mail is written to both before the reply (delivery.replicas), older mail by mda storage replicate. Where the
    first shard can't be read the second one is, and mda storage check --repair mends the one from the other. Where one
    of the accounts is refused, none is changed.

    \b
    $ mda account replica anne@example.org bob@example.org --shard second
    $ mda account replica anne@example.org --none
    $ mda account replica --from first --now-on second --shard third
    """
    if (name is None) != is_none:
        raise InvalidValue("neither or both of --shard and --none are given", "name a shard, or none")
    if bool(addresses) == (first is not None) or (present is not None and first is None):
        raise click.UsageError("name accounts, or a shard by --from")
    with opened(settings.load(config)) as handle:
        shard_id = None if name is None else shards.find(handle, name).id
        found = {(one := accounts.find(handle, address)).id: one.address for address in addresses}
        if first is not None:
            found = _of_shards(handle, first, present)
        replicas.set_shard(handle, list(found), shard_id)
        for address in found.values():
            say(f"{address}: " + ("no replicas" if name is None else f"replicas on shard {name}"))


def _of_shards(handle: Handle, first: str, present: str | None) -> dict[int, str]:
    """Addresses by account."""
    shard_id = shards.find(handle, first).id
    if present is None:
        wanted = list(accounts.on_shard(handle, shard_id))
    else:
        pair = (shard_id, shards.find(handle, present).id)
        wanted = [one.account_id for one in replicas.replicated(handle) if (one.shard_id, one.replica_shard_id) == pair]
    return accounts.addresses_of(handle, wanted)
