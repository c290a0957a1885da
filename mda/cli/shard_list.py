"""`mda shard list`."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import click

from mda import settings
from mda.cli.options import json_option
from mda.cli.table import Column, show, size_column
from mda.metadata.directory import shards
from mda.metadata.directory.shards import Shard, Usage
from mda.metadata.postgresql.opened import opened
from mda.sizes import format_size
from mda.storage.shard import shard_root


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


@click.command("list")
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


def _free(found: Shard) -> int | None:
    try:
        return shutil.disk_usage(shard_root(found.url)).free
    except OSError:
        return None
