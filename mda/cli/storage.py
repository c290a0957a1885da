"""`mda storage`: the group of commands that keep the shards fit."""

import click

from mda.cli.storage_check import check
from mda.cli.storage_compact import compact
from mda.cli.storage_dictionary import train_dictionary
from mda.cli.storage_rebuild import checkpoint, rebuild
from mda.cli.storage_replicate import replicate


@click.group()
def storage() -> None:
    """Check, compact or rebuild what the shards hold.

    \b
    $ mda storage check --repair
    $ mda storage compact
    """


for command in (check, compact, checkpoint, rebuild, replicate, train_dictionary):
    storage.add_command(command)
