"""`mda mailbox list`."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.account_named import account_id
from mda.cli.options import account_argument, json_option
from mda.cli.table import Column, show, size_column
from mda.metadata.mailbox import listed
from mda.metadata.mailbox.listed import Mailbox
from mda.metadata.postgresql.reading import reading

COLUMNS: tuple[Column[Mailbox], ...] = (
    Column("name", "Mailbox", lambda found: found.path),
    Column("role", "Role", lambda found: found.role.value if found.role else None),
    Column("messages", "Messages", lambda found: found.messages, is_right=True),
    Column("unseen", "Unseen", lambda found: found.unseen, is_right=True),
    size_column("bytes", "Size", lambda found: found.bytes),
    Column("uid_validity", "UIDVALIDITY", lambda found: found.uid_validity, is_right=True),
    Column("uid_next", "UIDNEXT", lambda found: found.uid_next, is_right=True),
    Column("subscribed", "Subscribed", lambda found: found.is_subscribed, is_only_json=True),
)


@click.command("list")
@account_argument
@json_option
@click.pass_obj
def list_all(config: Path | None, account: Address, as_json: bool) -> None:
    """List an account's mailboxes.

    \b
    $ mda mailbox list anne@example.org
    $ mda mailbox list anne@example.org --json
    """
    loaded = settings.load(config)
    with reading(loaded) as reader:
        found = listed.tree(reader, account_id(reader, loaded, account))
    show(found, COLUMNS, as_json=as_json)
