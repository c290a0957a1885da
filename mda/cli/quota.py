"""`mda quota`: what accounts and domains may use, who uses how much, and counting it again."""

import click

from mda.cli.lazy import Entry, LazyGroup

COMMANDS = (
    Entry("set", "quota_set", "Set what accounts, or a domain as a whole, may use.", "set_"),
    Entry("show", "quota_show", "Show what an account, or a domain as a whole, may use, and uses."),
    Entry("list", "quota_list", "List accounts by how full they are, the fullest first.", "list_all"),
    Entry("recount", "quota_recount", "Count what accounts and their mailboxes hold, and mend what is wrong."),
)


@click.group(cls=LazyGroup, entries=COMMANDS)
def quota() -> None:
    """Set quotas, list who uses how much, or count it again.

    \b
    $ mda quota set anne@example.org --size 5GB --warn 80
    $ mda quota list --over 80
    $ mda quota recount --dry-run
    """
