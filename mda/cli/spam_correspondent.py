"""`mda spam correspondent`: whom an account has written to."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli import message_bytes
from mda.cli.options import AddressType, account_argument, json_option
from mda.cli.table import Column, show
from mda.errors import NotFound
from mda.identifiers import IdentifierSource
from mda.learning import correspondents as learning
from mda.metadata.directory import accounts
from mda.metadata.learning import correspondents
from mda.metadata.learning.correspondents import Correspondent
from mda.metadata.mailbox import mailboxes, messages
from mda.metadata.postgresql.opened import opened
from mda.metadata.schema.words import Role

COLUMNS: tuple[Column[Correspondent], ...] = (
    Column("address", "Address", lambda found: found.address),
    Column("sent", "Sent", lambda found: found.sent, is_right=True),
    Column("last_seen_at", "Last", lambda found: found.last_seen_at),
)

addresses_argument = click.argument("addresses", metavar="ADDRESS...", type=AddressType(), nargs=-1, required=True)


@click.group()
def correspondent() -> None:
    """Whom an account has written to: their proven mail is rarely taken for spam.

    \b
    $ mda spam correspondent list anne@example.org
    $ mda spam correspondent scan anne@example.org
    """


@correspondent.command()
@account_argument
@addresses_argument
@click.pass_obj
def add(config: Path | None, account: Address, addresses: tuple[Address, ...]) -> None:
    """Note correspondents by hand.

    \b
    $ mda spam correspondent add anne@example.org ben@example.net
    """
    with opened(settings.load(config)) as handle:
        found = accounts.find(handle, account)
        learning.note(handle, IdentifierSource(), found.id, [str(one.key) for one in addresses])
    click.echo(f"{found.address} knows {', '.join(str(one.key) for one in addresses)}")


@correspondent.command()
@account_argument
@addresses_argument
@click.pass_obj
def remove(config: Path | None, account: Address, addresses: tuple[Address, ...]) -> None:
    """Take correspondents away, all of them or none.

    \b
    $ mda spam correspondent remove anne@example.org ben@example.net
    """
    with opened(settings.load(config)) as handle:
        found = accounts.find(handle, account)
        learning.forget(handle, IdentifierSource(), found.id, [str(one.key) for one in addresses])
    click.echo(f"{found.address} knows {', '.join(str(one.key) for one in addresses)} no more")


@correspondent.command("list")
@account_argument
@json_option
@click.pass_obj
def list_all(config: Path | None, account: Address, as_json: bool) -> None:
    """List an account's correspondents, the latest first.

    \b
    $ mda spam correspondent list anne@example.org --json
    """
    with opened(settings.load(config)) as handle:
        show(correspondents.list_all(handle, accounts.find(handle, account).id), COLUMNS, as_json=as_json)


@correspondent.command()
@account_argument
@click.pass_obj
def scan(config: Path | None, account: Address) -> None:
    """Note whom the messages in the mailbox with role sent went to.

    mda deliver and mda import note them by themselves. Messages with a Received field came from elsewhere, and are
    left out.

    \b
    $ mda spam correspondent scan anne@example.org
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        sent = next((one for one in mailboxes.list_all(handle, account_id) if one.role is Role.SENT), None)
        if sent is None:
            raise NotFound("no mailbox with role sent", f"make one: mda mailbox create {account} Sent --role sent")
        known = {one.address for one in correspondents.list_all(handle, account_id)}
        found: dict[str, None] = {}
        for entry in messages.read(handle, account_id, sent.id):
            content = messages.open_content(handle, account_id, entry.content_id)
            found |= dict.fromkeys(learning.recipients(message_bytes.stored(content)))
        fresh = [one for one in found if one not in known]
        learning.note(handle, IdentifierSource(), account_id, fresh)
    click.echo(f"noted {len(fresh)} correspondents; {len(found) - len(fresh)} were known")
