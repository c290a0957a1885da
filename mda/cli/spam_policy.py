"""`mda spam policy`: rules on senders, thresholds, and where spam goes."""

import click

from mda.cli.lazy import Entry, LazyGroup

COMMANDS = (
    Entry("allow", "spam_policy_change", "Never take a sender's mail for spam, where it is proven to be the sender's."),
    Entry("block", "spam_policy_change", "Take a sender's mail for spam: it goes to Junk, and is never dropped."),
    Entry("remove", "spam_policy_change", "Take rules away, all of them or none."),
    Entry("list", "spam_policy_list", "List all rules, everybody's first.", "list_all"),
    Entry(
        "set",
        "spam_policy_change",
        "Show or set the threshold of an account or a domain, and where its spam goes.",
        "set_one",
    ),
)


@click.group(cls=LazyGroup, entries=COMMANDS)
def policy() -> None:
    """Rules on senders, thresholds, and where spam goes.

    The nearest rule counts: an account's own before its domain's before everybody's.

    \b
    $ mda spam policy allow bank.example --domain example.org
    $ mda spam policy set --account anne@example.org --threshold 0.8
    """
