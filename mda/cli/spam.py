"""`mda spam`: the group."""

import click

from mda.cli.lazy import Entry, LazyGroup

COMMANDS = (
    Entry("learn", "spam_learn", "Mark messages as spam or ham for one account."),
    Entry("forget", "spam_learn", "Take marks back, as if they had never been set."),
    Entry(
        "explain",
        "spam_explain",
        "Say why a message got its spam score: the heaviest reasons, in the message's own words.",
        "explain_one",
    ),
    Entry("policy", "spam_policy", "Rules on senders, thresholds, and where spam goes."),
    Entry(
        "correspondent",
        "spam_correspondent",
        "Whom an account has written to: their proven mail is rarely taken for spam.",
    ),
    Entry("trainer", "spam_trainer", "Learn what users have moved into and out of Junk, and what they have marked."),
    Entry("evaluate", "spam_evaluate", "Try the classifier on labelled mail, in the measures of the TREC Spam Track."),
)


@click.group(cls=LazyGroup, entries=COMMANDS)
def spam() -> None:
    """Teach the spam filter, and ask it why.

    \b
    $ mda spam learn --spam anne@example.org INBOX:17
    $ mda spam forget anne@example.org INBOX:17
    """
