"""`mda shard`: where the mail is kept; shards come, move accounts between each other, and go."""

import click

from mda.cli.lazy import Entry, LazyGroup

COMMANDS = (
    Entry("add", "shard_change", "Make a shard in a new folder."),
    Entry("list", "shard_list", "List shards, with what they hold.", "list_all"),
    Entry("set", "shard_change", "Change a shard's weight or state.", "set_"),
    Entry("move", "shard_move", "Move accounts to another shard, while mail comes in."),
    Entry("drain", "shard_move", "Move everything away from a shard, while mail comes in."),
    Entry("renew", "shard_change", "Make the folder of a lost shard anew, empty."),
    Entry("remove", "shard_change", "Forget a drained shard."),
)


@click.group(cls=LazyGroup, entries=COMMANDS)
def shard() -> None:
    """Add, list, drain or remove shards, and move accounts between them.

    \b
    $ mda shard add second /srv/mail
    $ mda shard move anne@example.org second
    """
