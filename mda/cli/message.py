"""`mda message`: an account's messages."""

import click

from mda.cli.lazy import Entry, LazyGroup

COMMANDS = (
    Entry("list", "message_list", "List a mailbox, newest first.", "list_all"),
    Entry("search", "message_search", "Search an account's messages, newest first."),
    Entry("show", "message_show", "Show a message: its header, verdict, place and defects.", "show_one"),
    Entry("raw", "message_show", "Print a message byte for byte, as Postfix handed it over."),
    Entry("move", "message_change", "Move messages to another mailbox, all or none."),
    Entry("expunge", "message_change", "Take messages out of their mailboxes."),
    Entry("purge", "message_purge", "Erase messages for good: rows, marks, and their bytes on the shards."),
)


@click.group(cls=LazyGroup, entries=COMMANDS)
def message() -> None:
    """List, search, show, move, expunge or purge messages.

    A message is named by MAILBOX:UID, or by its id (16 hexadecimal digits, as the log and --json give it).

    \b
    $ mda message list anne@example.org
    $ mda message show anne@example.org INBOX:17
    """
