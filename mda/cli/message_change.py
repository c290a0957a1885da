"""`mda message move` and `expunge`."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli import message_name
from mda.cli.options import account_argument, json_object_option, json_option, rehearsal_option
from mda.cli.table import to_json
from mda.cli.text import say
from mda.identifiers import IdentifierSource, format_id
from mda.metadata.directory import accounts
from mda.metadata.mailbox import messages
from mda.metadata.postgresql.opened import opened

names_argument = click.argument("names", metavar="MESSAGE...", nargs=-1, required=True)


@click.command()
@account_argument
@names_argument
@click.argument("mailbox", metavar="MAILBOX")
@json_option
@click.pass_obj
def move(config: Path | None, account: Address, names: tuple[str, ...], mailbox: str, as_json: bool) -> None:
    """Move messages to another mailbox, all or none.

    They get new UIDs there. A move into Junk, or out of it (but not to Trash), teaches the spam filter.

    \b
    $ mda message move anne@example.org INBOX:17 INBOX:18 Archive
    $ mda message move anne@example.org 01c9f3e2a4b5c6d7 Junk
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        entries = message_name.find_each(handle, account_id, names)
        before = message_name.paths(handle, account_id)
        origin = {(entry.content_id, entry.uid): before[entry.mailbox_id] for entry in entries}
        moved = messages.move(handle, IdentifierSource(), account_id, entries, mailbox)
    if as_json:
        click.echo(
            to_json(
                [
                    {
                        "id": format_id(one.content_id),
                        "from": f"{origin[one.content_id, one.uid]}:{one.uid}",
                        "to": f"{mailbox}:{one.new_uid}",
                    }
                    for one in moved
                ]
            )
        )
        return
    for one in moved:
        say(f"moved {origin[one.content_id, one.uid]}:{one.uid} to {mailbox}:{one.new_uid}")


@click.command()
@account_argument
@names_argument
@rehearsal_option
@json_object_option
@click.pass_obj
def expunge(config: Path | None, account: Address, names: tuple[str, ...], is_rehearsal: bool, as_json: bool) -> None:
    """Take messages out of their mailboxes.

    They leave the quota at once; their contents are kept for a while, so that it can be undone.

    \b
    $ mda message expunge anne@example.org INBOX:17
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        entries = message_name.find_each(handle, account_id, names)
        count = messages.expunge(handle, account_id, entries, is_rehearsal=is_rehearsal)
    if as_json:
        click.echo(to_json({"is_dry_run": is_rehearsal, "messages": count}))
    else:
        verb = "would expunge" if is_rehearsal else "expunged"
        click.echo(f"{verb} {count} message" + ("" if count == 1 else "s"))
