"""`mda mailbox create`, `rename` and `delete`."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.ask import confirm
from mda.cli.options import account_argument, json_object_option, rehearsal_option, yes_option
from mda.cli.table import to_json
from mda.cli.text import say
from mda.identifiers import IdentifierSource
from mda.metadata.directory import accounts
from mda.metadata.mailbox import mailboxes
from mda.metadata.postgresql.opened import opened
from mda.metadata.schema.words import Role
from mda.sizes import format_size

ROLES = [role.value for role in Role if role is not Role.INBOX]


@click.command()
@account_argument
@click.argument("name", metavar="MAILBOX")
@click.option("--role", type=click.Choice(ROLES), help="What it is for (special use, RFC 6154).")
@json_object_option
@click.pass_obj
def create(config: Path | None, account: Address, name: str, role: str | None, as_json: bool) -> None:
    """Create a mailbox, and those above it that are missing.

    \b
    $ mda mailbox create anne@example.org Work/2026
    $ mda mailbox create anne@example.org Sent --role sent
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        made = mailboxes.create(handle, IdentifierSource(), account_id, name, Role(role) if role else None)
    if as_json:
        click.echo(to_json({"mailbox": made.path, "uid_validity": made.uid_validity}))
    else:
        say(f"created mailbox {made.path} with UIDVALIDITY {made.uid_validity}")


@click.command()
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
    say(f"renamed mailbox {old} to {renamed.path}")


@click.command()
@account_argument
@click.argument("name", metavar="MAILBOX")
@rehearsal_option
@json_object_option
@yes_option
@click.pass_obj
def delete(
    config: Path | None, account: Address, name: str, is_rehearsal: bool, as_json: bool, is_agreed: bool
) -> None:
    """Delete a mailbox and expunge its messages.

    INBOX, and a mailbox with others below it, can't be deleted.

    \b
    $ mda mailbox delete anne@example.org Work/2026
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        found = mailboxes.find(handle, account_id, name)
        count = mailboxes.delete(handle, account_id, found.path, is_rehearsal=True)
        if not is_rehearsal:
            size = format_size(found.bytes)
            said = f"{found.path} with {count} messages ({size}) will be deleted."
            confirm(said, is_agreed=is_agreed or not count)
            count = mailboxes.delete(handle, account_id, found.path)
    if as_json:
        click.echo(to_json({"is_dry_run": is_rehearsal, "mailbox": found.path, "messages": count}))
    else:
        say(f"{'would delete' if is_rehearsal else 'deleted'} mailbox {found.path} with {count} messages")
