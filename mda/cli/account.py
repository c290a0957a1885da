"""`mda account`: accounts, their quota, state and password."""

import click

from mda.cli.lazy import Entry, LazyGroup

COMMANDS = (
    Entry("add", "account_change", "Add an account with an empty INBOX."),
    Entry("list", "account_list", "List accounts, with what they use.", "list_all"),
    Entry("rename", "account_change", "Give an account another address; mail and mailboxes stay."),
    Entry("disable", "account_change", "Refuse mail (550 5.2.1) and logins; everything is kept."),
    Entry("enable", "account_change", "Take mail and logins again, also for a deleted account that is not purged."),
    Entry("passwd", "account_change", "Set an account's password."),
    Entry("quota", "account_change", "Show or set what an account may use."),
    Entry("delete", "account_change", "Mark an account as deleted, or purge it."),
    Entry("hold", "account_hold", "Keep everything of an account, until the hold is lifted."),
    Entry("retention", "account_hold", "Set for how many days an account's expunged messages can be brought back."),
    Entry("replica", "account_replica", "Keep an account's bodies on a second shard, too."),
    Entry("import", "import_directory", "Add many accounts, from a CSV file or another PostgreSQL.", "import_accounts"),
)


@click.group(cls=LazyGroup, entries=COMMANDS)
def account() -> None:
    """Add, list, change or delete accounts.

    \b
    $ mda account add anne@example.org --quota 5GB
    $ mda account list --domain example.org
    """
