"""`mda shard`: where the mail is kept; shards come, move accounts between each other, and go."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.options import AddressType, json_option
from mda.cli.table import Column, show, size_column
from mda.errors import Conflict, NotFound, StorageUnavailable
from mda.identifiers import IdentifierSource
from mda.maintenance import shards as storage_shards
from mda.maintenance.relocation import Moved, Mover
from mda.maintenance.relocation import drain as drain_shard
from mda.maintenance.replication import LeftOut, replicate
from mda.metadata.directory import accounts, shards
from mda.metadata.directory.shards import Shard, ShardState, Usage
from mda.metadata.postgresql.opened import opened
from mda.sizes import format_size
from mda.storage.abandoned import list_open, seal_abandoned
from mda.storage.dictionaries import install_base
from mda.storage.shard import create_shard, open_shard, read_marker, shard_root

REPORT_EVERY = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One shard of a listing; `free` None where its folder can't be reached."""

    shard: Shard
    usage: Usage
    free: int | None


COLUMNS: tuple[Column[Line], ...] = (
    Column("name", "Shard", lambda line: line.shard.name),
    Column("state", "State", lambda line: line.shard.state.value),
    Column("weight", "Weight", lambda line: line.shard.weight, is_right=True),
    Column("accounts", "Accounts", lambda line: line.usage.accounts, is_right=True),
    Column("messages", "Messages", lambda line: line.usage.messages, is_right=True),
    size_column("bytes", "Mail", lambda line: line.usage.bytes),
    Column(
        "free",
        "Free",
        lambda line: line.free,
        lambda line: "unreachable" if line.free is None else format_size(line.free),
        is_right=True,
    ),
    Column("url", "Place", lambda line: line.shard.url),
)


@click.group()
def shard() -> None:
    """Add, list, drain or remove shards, and move accounts between them.

    \b
    $ mda shard add second /srv/mail
    $ mda shard move anne@example.org second
    """


@shard.command()
@click.argument("name", metavar="NAME")
@click.argument("folder", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--weight", metavar="NUMBER", type=click.IntRange(0), default=1, show_default=True, help="Share of new accounts."
)
@click.pass_obj
def add(config: Path | None, name: str, folder: Path, weight: int) -> None:
    """Make a shard in a new folder.

    It takes new accounts at once, in proportion to its weight; with 0 only those that are moved there.

    \b
    $ mda shard add second /srv/mail --weight 2
    """
    root = folder.resolve()
    with opened(settings.load(config)) as handle:
        if any(found.name == name for found in shards.list_all(handle)):
            raise Conflict(f"shard {name} exists", "choose another name")
        shard_id = _known_id(root, name) or IdentifierSource().next()
        # The folder first: a row without one would be drawn for new accounts. Left over, it is taken the next time.
        create_shard(root, shard_id, name)
        install_base(root)
        made = shards.add(handle, IdentifierSource(), name, root.as_uri(), weight, shard_id)
    click.echo(f"added shard {made.name} in {root}")


@shard.command("list")
@json_option
@click.pass_obj
def list_all(config: Path | None, as_json: bool) -> None:
    """List shards, with what they hold.

    \b
    $ mda shard list
    """
    with opened(settings.load(config)) as handle:
        used = shards.usage(handle)
        lines = [Line(one, used.get(one.id, Usage(0, 0, 0)), _free(one)) for one in shards.list_all(handle)]
    show(lines, COLUMNS, as_json=as_json)


@shard.command(name="set")
@click.argument("name", metavar="NAME")
@click.option("--weight", metavar="NUMBER", type=click.IntRange(0), help="Share of new accounts.")
@click.option("--state", type=click.Choice([one.value for one in ShardState]), help="What it takes.")
@click.pass_obj
def set_(config: Path | None, name: str, weight: int | None, state: str | None) -> None:
    """Change a shard's weight or state.

    active takes accounts and mail, draining only mail, readonly neither: mail to its accounts waits in Postfix's
    queue.

    \b
    $ mda shard set second --weight 0
    $ mda shard set first --state active
    """
    with opened(settings.load(config)) as handle:
        found = shards.change(handle, name, state=ShardState(state) if state else None, weight=weight)
    click.echo(f"shard {found.name}: {found.state.value}, weight {found.weight}")


@shard.command()
@click.argument("addresses", metavar="ACCOUNT...", type=AddressType(), nargs=-1, required=True)
@click.argument("name", metavar="SHARD")
@click.pass_obj
def move(config: Path | None, addresses: tuple[Address, ...], name: str) -> None:
    """Move accounts to another shard, while mail comes in.

    Interrupted, it goes on when it is run again.

    \b
    $ mda shard move anne@example.org bob@example.org second
    """
    chosen = settings.load(config)
    with opened(chosen) as handle:
        (target,) = storage_shards.named(handle, name)
        found = [accounts.find(handle, address) for address in addresses]
        mover = Mover(handle, chosen, target)
        try:
            for account in found:
                steps = _watched(mover.move(account.id))
                click.echo(f"moved {account.address} to {name}: {_told(steps)}")
        finally:
            mover.close()


@shard.command()
@click.argument("name", metavar="NAME")
@click.option("--to", "targets", metavar="SHARD", multiple=True, help="Only there. Default: all active shards in turn.")
@click.pass_obj
def drain(config: Path | None, name: str, targets: tuple[str, ...]) -> None:
    """Move everything away from a shard, while mail comes in.

    From now on it takes no new accounts; replicas go to another shard, too. Interrupted, it goes on when it is run
    again; when it has said that nothing is left, mda shard remove takes the shard away.

    \b
    $ mda shard drain first
    $ mda shard drain first --to second
    """
    chosen = settings.load(config)
    with opened(chosen) as handle:
        source = shards.find(handle, name)
        others = [one for one in storage_shards.all_shards(handle) if one.id != source.id]
        for wanted in targets:
            shards.find(handle, wanted)
        fit = [one for one in others if one.name in targets or (not targets and one.state.value == "active")]
        steps = _watched(drain_shard(handle, chosen, source, fit))
        # What had its second shard here has another now.
        left_out = [step for step in replicate(handle, chosen) if isinstance(step, LeftOut)]
        left = shards.usage(handle)[source.id]
    click.echo(f"drained {name}: {_told(steps)}; {left.accounts} accounts and {left.messages} messages are left")
    if left_out:
        raise StorageUnavailable(f"{len(left_out)} accounts lack replicas: {left_out[0].why}", "mda storage replicate")


@shard.command()
@click.argument("name", metavar="NAME")
@click.pass_obj
def renew(config: Path | None, name: str) -> None:
    """Make the folder of a lost shard anew, empty.

    For a disk that will not come back. Then mda storage check --repair brings back what has replicas on another
    shard; for the rest it asks for a backup.

    \b
    $ mda shard renew first
    $ mda storage check --repair
    """
    with opened(settings.load(config)) as handle:
        found = shards.find(handle, name)
    root = shard_root(found.url)
    if _known_id(root, name) is not None:
        raise Conflict(f"{root} is shard {name}", "nothing is lost there; look at it: mda storage check")
    create_shard(root, found.id, name)
    install_base(root)
    click.echo(f"made {root} anew; next: mda storage check --repair")


@shard.command()
@click.argument("name", metavar="NAME")
@click.pass_obj
def remove(config: Path | None, name: str) -> None:
    """Forget a drained shard.

    Refused while an account or a message is on it, or somebody writes to it. Its folder stays, and is yours to delete.

    \b
    $ mda shard remove first
    """
    with opened(settings.load(config)) as handle:
        found = shards.find(handle, name)
        if found.state is ShardState.ACTIVE:
            raise Conflict(f"shard {name} is active", f"first: mda shard drain {name}")
        _require_still(found)
        shards.remove(handle, found)
    click.echo(f"removed shard {name}; its files are still in {shard_root(found.url)}")


def _require_still(found: Shard) -> None:
    """A worker with an open segment may have a delivery on its way from there to its row."""
    root = open_shard(shard_root(found.url), found.id, found.name)
    seal_abandoned(storage_shards.storage_shard(found))
    if list_open(root):
        raise Conflict(
            f"shard {found.name} is still written to", "wait for storage.segment_age_seconds, or restart mda serve"
        )


def _known_id(root: Path, name: str) -> int | None:
    """The id that the folder has from an addition that was interrupted."""
    try:
        marker = read_marker(root)
    except NotFound:
        return None
    return marker[0] if marker[1] == name else None


def _free(found: Shard) -> int | None:
    try:
        return shutil.disk_usage(shard_root(found.url)).free
    except OSError:
        return None


def _watched(moving: Iterable[Moved]) -> list[Moved]:
    """The steps, with a word now and then of how far it is."""
    steps: list[Moved] = []
    for step in moving:
        steps.append(step)
        if len(steps) % REPORT_EVERY == 0:
            click.echo(f"so far: {_told(steps)}", err=True)
    return steps


def _told(steps: list[Moved]) -> str:
    accounts_seen = len({step.account_id for step in steps})
    octets = format_size(sum(step.bytes for step in steps))
    return f"{sum(step.messages for step in steps)} messages of {accounts_seen} accounts, {octets}"
