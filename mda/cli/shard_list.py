"""`mda shard list`."""

import os
from dataclasses import dataclass
from pathlib import Path

import click

from mda import settings
from mda.cli.options import json_option
from mda.cli.progress import Meter, amount
from mda.cli.table import Column, show, size_column
from mda.errors import MdaError
from mda.metadata.directory import shard_loads
from mda.metadata.directory.shard_loads import Load
from mda.metadata.postgresql.reading import Reader, reading
from mda.sizes import format_size
from mda.storage.shard import open_shard, shard_root


@dataclass(frozen=True, slots=True)
class Line:
    """One shard of a listing; `free` None where its folder can't be reached."""

    load: Load
    free: int | None


COLUMNS: tuple[Column[Line], ...] = (
    Column("name", "Shard", lambda line: line.load.name, is_shortened=True),
    Column("state", "State", lambda line: line.load.state.value),
    Column("weight", "Weight", lambda line: line.load.weight, is_right=True),
    Column("accounts", "Accounts", lambda line: line.load.accounts, is_right=True),
    Column("messages", "Messages", lambda line: line.load.messages, is_right=True),
    size_column("bytes", "Mail", lambda line: line.load.bytes),
    Column(
        "free",
        "Free",
        lambda line: line.free,
        lambda line: "unreachable" if line.free is None else format_size(line.free),
        is_right=True,
    ),
    Column("url", "Place", lambda line: line.load.url, lambda line: _place(line.load), is_shortened=True),
)


@click.command("list")
@click.option("--exact", "is_counted", is_flag=True, help="Count what lies on each shard: minutes for millions.")
@json_option
@click.pass_obj
def list_all(config: Path | None, is_counted: bool, as_json: bool) -> None:
    """List shards, with what they hold.

    Messages and mail are those of the accounts that belong to the shard, by their counters. With --exact they are the
    contents that lie on it: also expunged ones that can still be brought back, and those of accounts that are on
    their way to another shard.

    \b
    $ mda shard list
    $ mda shard list --exact --json
    """
    with reading(settings.load(config)) as reader:
        loads = counted(reader) if is_counted else shard_loads.loads(reader)
    show([Line(one, _free(one)) for one in loads], COLUMNS, as_json=as_json)


def counted(reader: Reader) -> tuple[Load, ...]:
    """What lies on each shard, with a line on a terminal that says how far the counting is."""
    steps = shard_loads.count(reader)
    last = next(steps)
    with Meter("counting", last.total, amount("messages")) as meter:
        for step in steps:
            meter.add(step.passed - last.passed)
            last = step
    return last.loads


def _place(found: Load) -> str:
    """The folder, without what every URL of a folder begins with."""
    return found.url.removeprefix("file://")


def _free(found: Load) -> int | None:
    try:
        room = os.statvfs(open_shard(shard_root(found.url), found.id, found.name))
    except (OSError, MdaError):  # without its marker it would be the free space of the disk underneath
        return None
    return room.f_bavail * room.f_frsize
