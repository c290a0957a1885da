"""`mda mailbox`: an account's mailboxes."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.ask import confirm
from mda.cli.options import account_argument, json_option, yes_option
from mda.cli.quantities import format_size
from mda.cli.table import Column, show
from mda.identifiers import IdentifierSource
from mda.metadata.directory import accounts
from mda.metadata.mailbox import mailboxes
from mda.metadata.mailbox.mailboxes import Mailbox
from mda.metadata.postgresql.opened import opened
from mda.metadata.schema.words import Role

ROLES = [role.value for role in Role if role is not Role.INBOX]

COLUMNS: tuple[Column[Mailbox], ...] = (
    Column("name", "Mailbox", lambda found: found.path),
    Column("role", "Role", lambda found: found.role.value if found.role else None),
    Column("messages", "Messages", lambda found: found.messages, is_right=True),
    Column("unseen", "Unseen", lambda found: found.unseen, is_right=True),
    Column("bytes", "Size", lambda found: found.bytes, lambda found: format_size(found.bytes), is_right=True),
    Column("uid_validity", "UIDVALIDITY", lambda found: found.uid_validity, is_right=True),
    Column("uid_next", "UIDNEXT", lambda found: found.uid_next, is_right=True),
    Column("subscribed", "Subscribed", lambda found: found.is_subscribed, is_only_json=True),
)


@click.group()
def mailbox() -> None:
    """List, create, rename or delete mailboxes.

    Levels of a name are joined by "/". INBOX is matched in any case.

    \b
    $ mda mailbox list anne@example.org
    $ mda mailbox create anne@example.org Work/2026
    """


@mailbox.command("list")
@account_argument
@json_option
@click.pass_obj
def list_all(config: Path | None, account: Address, as_json: bool) -> None:
    """List an account's mailboxes.

    \b
    $ mda mailbox list anne@example.org
    $ mda mailbox list anne@example.org --json
    """
    with opened(settings.load(config)) as handle:
        found = mailboxes.list_all(handle, accounts.find(handle, account).id)
    show(found, COLUMNS, as_json=as_json)


@mailbox.command()
@account_argument
@click.argument("name", metavar="MAILBOX")
@click.option("--role", type=click.Choice(ROLES), help="What it is for (special use, RFC 6154).")
@click.pass_obj
def create(config: Path | None, account: Address, name: str, role: str | None) -> None:
    """Create a mailbox, and those above it that are missing.

    \b
    $ mda mailbox create anne@example.org Work/2026
    $ mda mailbox create anne@example.org Sent --role sent
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        made = mailboxes.create(handle, IdentifierSource(), account_id, name, Role(role) if role else None)
    click.echo(f"created mailbox {made.path} with UIDVALIDITY {made.uid_validity}")


@mailbox.command()
@account_argument
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.pass_obj
def rename(config: Path | None, account: Address, old: str, new: str) -> None:
    """Rename a mailbox; those below it come along.

    To rename INBOX moves its messages into a new mailbox and leaves it empty (RFC 9051).

    \b
    $ mda mailbox rename anne@example.org Work Archive/Work
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        renamed = mailboxes.rename(handle, IdentifierSource(), account_id, old, new)
    click.echo(f"renamed mailbox {old} to {renamed.path}")


@mailbox.command()
@account_argument
@click.argument("name", metavar="MAILBOX")
@yes_option
@click.pass_obj
def delete(config: Path | None, account: Address, name: str, is_agreed: bool) -> None:
    """Delete a mailbox and expunge its messages.

    INBOX, and a mailbox with others below it, can't be deleted.

    \b
    $ mda mailbox delete anne@example.org Work/2026
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        found = mailboxes.find(handle, account_id, name)
        if found.messages:
            size = format_size(found.bytes)
            confirm(f"{found.path} with {found.messages} messages ({size}) will be deleted.", is_agreed=is_agreed)
        count = mailboxes.delete(handle, account_id, found.path)
    click.echo(f"deleted mailbox {found.path} with {count} messages")
