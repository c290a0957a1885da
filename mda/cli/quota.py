"""`mda quota`: who uses how much, and counting it again. An account's limits are set by `mda account quota`."""

import click

from mda.cli.lazy import Entry, LazyGroup

COMMANDS = (
    Entry("list", "quota_list", "List accounts by how full they are, the fullest first.", "list_all"),
    Entry("recount", "quota_recount", "Count what accounts and their mailboxes hold, and mend what is wrong."),
)


@click.group(cls=LazyGroup, entries=COMMANDS)
def quota() -> None:
    """List who uses how much, or count it again.

    \b
    $ mda quota list --over 80
    $ mda quota recount --dry-run
    """
