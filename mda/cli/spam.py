"""`mda spam`: the group."""

import click

from mda.cli.spam_correspondent import correspondent
from mda.cli.spam_evaluate import evaluate
from mda.cli.spam_explain import explain_one
from mda.cli.spam_learn import forget, learn
from mda.cli.spam_policy import policy
from mda.cli.spam_trainer import trainer


@click.group()
def spam() -> None:
    """Teach the spam filter, and ask it why.

    \b
    $ mda spam learn --spam anne@example.org INBOX:17
    $ mda spam forget anne@example.org INBOX:17
    """


for command in (learn, forget, explain_one, policy, correspondent, trainer, evaluate):
    spam.add_command(command)
