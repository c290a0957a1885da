"""`mda shard move` and `drain`: accounts go from shard to shard, while mail comes in."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.options import AddressType, json_object_option, json_option
from mda.cli.progress import Meter, amount
from mda.cli.shard_list import counted
from mda.cli.table import to_json
from mda.cli.text import say
from mda.errors import StorageUnavailable
from mda.maintenance import shards as storage_shards
from mda.maintenance.relocation import Moved, Mover
from mda.maintenance.relocation import drain as drain_shard
from mda.maintenance.replication import LeftOut, replicate
from mda.metadata.directory import accounts, shards
from mda.metadata.directory.accounts import Account
from mda.metadata.directory.shard_loads import Load
from mda.metadata.postgresql.opened import opened
from mda.metadata.postgresql.reading import reading
from mda.settings import Settings
from mda.sizes import format_size

rehearsal_option = click.option(
    "--dry-run", "is_rehearsal", is_flag=True, help="Say what would move, and move nothing."
)


@click.command()
@click.argument("addresses", metavar="ACCOUNT...", type=AddressType(), nargs=-1, required=True)
@click.argument("name", metavar="SHARD")
@rehearsal_option
@json_option
@click.pass_obj
def move(config: Path | None, addresses: tuple[Address, ...], name: str, is_rehearsal: bool, as_json: bool) -> None:
    """Move accounts to another shard, while mail comes in.

    Interrupted, it goes on when it is run again.

    \b
    $ mda shard move anne@example.org bob@example.org second
    """
    chosen = settings.load(config)
    with opened(chosen) as handle:
        (target,) = storage_shards.named(handle, name)
        found = [accounts.find(handle, address) for address in addresses]
        if is_rehearsal:
            _rehearse(found, name, as_json=as_json)
            return
        documents: list[dict[str, object]] = []
        mover = Mover(handle, chosen, target)
        try:
            total = sum(account.used_messages for account in found)
            with Meter("moving", total, amount("messages")) as meter:
                for account in found:
                    steps = _watched(mover.move(account.id), meter)
                    documents.append({"account": account.address, "from": account.shard, "to": name, **_sums(steps)})
                    if not as_json:
                        meter.say(f"moved {account.address} to {name}: {_told(steps)}")
        finally:
            mover.close()
    if as_json:
        click.echo(to_json(documents))


def _rehearse(found: Sequence[Account], name: str, *, as_json: bool) -> None:
    """By the accounts' counters."""
    if as_json:
        click.echo(
            to_json(
                [
                    {
                        "account": one.address,
                        "from": one.shard,
                        "to": name,
                        "messages": one.used_messages,
                        "bytes": one.used_bytes,
                    }
                    for one in found
                ]
            )
        )
        return
    for one in found:
        size = format_size(one.used_bytes)
        say(f"would move {one.address} from {one.shard}: {one.used_messages} messages, {size}")


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--to", "targets", metavar="SHARD", multiple=True, help="Only there. Default: all active shards in turn.")
@rehearsal_option
@json_object_option
@click.pass_obj
def drain(config: Path | None, name: str, targets: tuple[str, ...], is_rehearsal: bool, as_json: bool) -> None:
    """Move everything away from a shard, while mail comes in.

    From now on it takes no new accounts; replicas go to another shard, too. Interrupted, it goes on when it is run
    again; when it has said that nothing is left, mda shard remove takes the shard away.

    \b
    $ mda shard drain first --dry-run
    $ mda shard drain first --to second
    """
    chosen = settings.load(config)
    with opened(chosen) as handle:
        source = shards.find(handle, name)
        others = [one for one in storage_shards.all_shards(handle) if one.id != source.id]
        for wanted in targets:
            shards.find(handle, wanted)
        fit = [one for one in others if one.name in targets or (not targets and one.state.value == "active")]
        load = _load(chosen, source.id)
        if is_rehearsal:
            names = ", ".join(one.name for one in fit) or "no other active shard"
            size = format_size(load.bytes)
            if as_json:
                loads = {"accounts": load.accounts, "messages": load.messages, "bytes": load.bytes}
                click.echo(to_json({"is_dry_run": True, **loads, "to": [one.name for one in fit]}))
                return
            held = f"{load.accounts} accounts and {load.messages} messages, {size} before compression"
            click.echo(f"would move {held}, to {names}")
            return
        with Meter("moving", load.messages, amount("messages")) as meter:
            steps = _watched(drain_shard(handle, chosen, source, fit), meter)
        # What had its second shard here has another now.
        left_out = []
        with Meter("copying") as meter:
            for copied in replicate(handle, chosen):
                if isinstance(copied, LeftOut):
                    left_out.append(copied)
                else:
                    meter.add(copied.bytes)
        left = shards.usage(handle)[source.id]
    moved = load.accounts - left.accounts
    if as_json:
        rest = {"left_accounts": left.accounts, "left_messages": left.messages, "lacking_replicas": len(left_out)}
        click.echo(to_json({"is_dry_run": False, "accounts": moved, **_sums(steps), **rest}))
    else:
        rest_told = f"{left.accounts} accounts and {left.messages} messages are left"
        click.echo(f"drained {name}: moved {moved} accounts and {_told(steps)}; {rest_told}")
    if left_out:
        raise StorageUnavailable(f"{len(left_out)} accounts lack replicas: {left_out[0].why}", "mda storage replicate")


def _load(chosen: Settings, shard_id: int) -> Load:
    """Counted: expunged messages move with the others, and accounts that have moved may have left some behind."""
    with reading(chosen) as reader:
        return next(one for one in counted(reader) if one.id == shard_id)


def _watched(moving: Iterable[Moved], meter: Meter) -> list[Moved]:
    steps: list[Moved] = []
    for step in moving:
        steps.append(step)
        meter.add(step.messages)
    return steps


def _told(steps: list[Moved]) -> str:
    sums = _sums(steps)
    return f"{sums['messages']} messages, {format_size(sums['bytes'])} compressed"


def _sums(steps: Sequence[Moved]) -> dict[str, int]:
    """Bytes are compressed ones."""
    return {"messages": sum(step.messages for step in steps), "bytes": sum(step.bytes for step in steps)}
