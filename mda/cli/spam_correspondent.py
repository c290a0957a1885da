"""`mda spam correspondent`: whom an account has written to."""

import click

from mda.cli.lazy import Entry, LazyGroup

COMMANDS = (
    Entry("add", "spam_correspondent_change", "Note correspondents by hand."),
    Entry("remove", "spam_correspondent_change", "Take correspondents away, all of them or none."),
    Entry("list", "spam_correspondent_list", "List an account's correspondents, the latest first.", "list_all"),
    Entry("scan", "spam_correspondent_change", "Note whom the messages in the mailbox with role sent went to."),
)


@click.group(cls=LazyGroup, entries=COMMANDS)
def correspondent() -> None:
    """Whom an account has written to: their proven mail is rarely taken for spam.

    \b
    $ mda spam correspondent list anne@example.org
    $ mda spam correspondent scan anne@example.org
    """
