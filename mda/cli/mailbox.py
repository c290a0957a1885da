"""`mda mailbox`: an account's mailboxes."""

import click

from mda.cli.lazy import Entry, LazyGroup

COMMANDS = (
    Entry("list", "mailbox_list", "List an account's mailboxes.", "list_all"),
    Entry("create", "mailbox_change", "Create a mailbox, and those above it that are missing."),
    Entry("rename", "mailbox_change", "Rename a mailbox; those below it come along."),
    Entry("delete", "mailbox_change", "Delete a mailbox and expunge its messages."),
)


@click.group(cls=LazyGroup, entries=COMMANDS)
def mailbox() -> None:
    """List, create, rename or delete mailboxes.

    Levels of a name are joined by "/". INBOX is matched in any case.

    \b
    $ mda mailbox list anne@example.org
    $ mda mailbox create anne@example.org Work/2026
    """
