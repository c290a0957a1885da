"""`mda spam correspondent add`, `remove` and `scan`."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli import message_bytes
from mda.cli.options import AddressType, account_argument, json_object_option, rehearsal_option
from mda.cli.progress import Meter, amount
from mda.cli.table import to_json
from mda.cli.text import say
from mda.errors import NotFound
from mda.identifiers import IdentifierSource
from mda.learning import correspondents as learning
from mda.metadata.directory import accounts
from mda.metadata.learning import correspondents
from mda.metadata.mailbox import mailboxes, messages
from mda.metadata.postgresql.opened import opened
from mda.metadata.postgresql.reading import reading
from mda.metadata.schema.words import Role

addresses_argument = click.argument("addresses", metavar="ADDRESS...", type=AddressType(), nargs=-1, required=True)


@click.command()
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
    say(f"{found.address} knows {', '.join(str(one.key) for one in addresses)}")


@click.command()
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
    say(f"{found.address} knows {', '.join(str(one.key) for one in addresses)} no more")


@click.command()
@account_argument
@rehearsal_option
@json_object_option
@click.pass_obj
def scan(config: Path | None, account: Address, is_rehearsal: bool, as_json: bool) -> None:
    """Note whom the messages in the mailbox with role sent went to.

    mda deliver and mda import note them by themselves. Messages with a Received field came from elsewhere, and are
    left out. Noted at the end, all at once: interrupted, it begins anew.

    \b
    $ mda spam correspondent scan anne@example.org
    """
    chosen = settings.load(config)
    with opened(chosen) as handle, reading(chosen) as reader:
        account_id = accounts.find(handle, account).id
        sent = next((one for one in mailboxes.list_all(handle, account_id) if one.role is Role.SENT), None)
        if sent is None:
            raise NotFound("no mailbox with role sent", f"make one: mda mailbox create {account} Sent --role sent")
        known = {one.address for one in correspondents.list_all(reader, account_id)}
        found: dict[str, None] = {}
        with Meter("reading", sent.messages, amount("messages")) as meter:
            for entry in messages.read(handle, account_id, sent.id):
                content = messages.open_content(handle, account_id, entry.content_id)
                found |= dict.fromkeys(learning.recipients(message_bytes.stored(content)))
                meter.add(1)
        fresh = [one for one in found if one not in known]
        if not is_rehearsal:
            learning.note(handle, IdentifierSource(), account_id, fresh)
    if as_json:
        click.echo(to_json({"is_dry_run": is_rehearsal, "noted": fresh, "known": len(found) - len(fresh)}))
    else:
        verb = "would note" if is_rehearsal else "noted"
        click.echo(f"{verb} {len(fresh)} correspondents; {len(found) - len(fresh)} were known")
