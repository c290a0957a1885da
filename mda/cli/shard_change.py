"""`mda shard`: shards come, change, and go."""

import re
from pathlib import Path

import click

from mda import settings
from mda.cli.options import FolderType, NumberType
from mda.cli.text import say
from mda.errors import Conflict, InvalidValue, NotFound
from mda.identifiers import IdentifierSource
from mda.maintenance import shards as storage_shards
from mda.metadata.directory import shards
from mda.metadata.directory.shards import Shard, ShardState
from mda.metadata.postgresql.opened import opened
from mda.storage.abandoned import list_open, seal_abandoned
from mda.storage.dictionaries import install_base
from mda.storage.shard import create_shard, open_shard, read_marker, shard_root

_NAME = re.compile(r"[^\W_][\w.\-]{0,63}\Z")
"""Of a new shard. It is part of a folder's name in a backup, and printed."""


@click.command()
@click.argument("name", metavar="NAME")
@click.argument("folder", metavar="FOLDER", type=FolderType())
@click.option(
    "--weight", metavar="NUMBER", type=NumberType(0), default=1, show_default=True, help="Share of new accounts."
)
@click.pass_obj
def add(config: Path | None, name: str, folder: Path, weight: int) -> None:
    """Make a shard in a new folder.

    It takes new accounts at once, in proportion to its weight; with 0 only those that are moved there.

    \b
    $ mda shard add second /srv/mail --weight 2
    """
    if not _NAME.match(name):
        raise InvalidValue(f"{name!r} is no name for a shard", "use letters, digits, dots, - and _, 64 at most")
    root = folder.resolve()
    with opened(settings.load(config)) as handle:
        if any(found.name == name for found in shards.list_all(handle)):
            raise Conflict(f"shard {name} exists", "choose another name")
        shard_id = _known_id(root, name) or IdentifierSource().next()
        # The folder first: a row without one would be drawn for new accounts. Left over, it is taken the next time.
        create_shard(root, shard_id, name)
        install_base(root)
        made = shards.add(handle, IdentifierSource(), name, root.as_uri(), weight, shard_id)
    say(f"added shard {made.name} in {root}")


@click.command("set")
@click.argument("name", metavar="NAME")
@click.option("--weight", metavar="NUMBER", type=NumberType(0), help="Share of new accounts.")
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
    say(f"shard {found.name}: {found.state.value}, weight {found.weight}")


@click.command()
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
    say(f"made {root} anew; next: mda storage check --repair")


@click.command()
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
    say(f"removed shard {name}; its files are still in {shard_root(found.url)}")


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
