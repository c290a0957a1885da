"""`mda undelete`: expunged messages back into their mailboxes."""

from datetime import datetime
from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.envelope_view import view
from mda.cli.options import account_argument, json_option, rehearsal_option
from mda.cli.progress import Meter, amount
from mda.cli.quantities import Moment
from mda.cli.table import to_json
from mda.cli.text import say, visible
from mda.identifiers import IdentifierSource, format_id
from mda.metadata.directory import accounts
from mda.metadata.mailbox import undelete as expunged_messages
from mda.metadata.mailbox.undelete import Expunged, Restored
from mda.metadata.postgresql.opened import opened


@click.command()
@account_argument
@click.option("--mailbox", "path", metavar="MAILBOX", help="Only what was expunged from this mailbox.")
@click.option("--since", metavar="DATE", type=Moment(), help="Only what was expunged since: 2026-11-23, 36h or 7d.")
@click.option(
    "--query", metavar="TEXT", default="", help="Only with this text in sender, recipients, subject, preview."
)
@rehearsal_option
@json_option
@click.pass_obj
def undelete(
    config: Path | None,
    account: Address,
    path: str | None,
    since: datetime | None,
    query: str,
    is_rehearsal: bool,
    as_json: bool,
) -> None:
    """Bring expunged messages back.

    They come back with their flags, under new UIDs, into the mailboxes they were in; a deleted mailbox is made again.
    Messages can be brought back for storage.retention_days, or for the account's own time (mda account retention).
    Interrupted, it goes on when it is run again.

    \b
    $ mda undelete anne@example.org --since 2d
    $ mda undelete anne@example.org --mailbox Work --query invoice --dry-run
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        found = [one for one in expunged_messages.find(handle, account_id, path, since) if _fits(one, query)]
        if is_rehearsal:
            if as_json:
                click.echo(to_json([_document(one) | {"subject": view(one.envelope).subject} for one in found]))
                return
            for one in found:
                click.echo(f"{one.path}:{one.uid}\t{visible(view(one.envelope).subject)}")
            click.echo(f"{len(found)} messages would come back", err=True)
            return
        with Meter("restoring", len(found), amount("messages")) as meter:
            restored = expunged_messages.restore(handle, IdentifierSource(), account_id, found, meter.add)
    if as_json:
        click.echo(to_json([_document(back) for back in restored]))
        return
    for back in restored:
        say(f"restored {back.path}:{back.uid}")
    click.echo(f"{len(restored)} messages are back", err=True)


def _document(one: Expunged | Restored) -> dict[str, object]:
    """Of a message that would come back, its old place."""
    return {"mailbox": one.path, "uid": one.uid, "id": format_id(one.content_id)}


def _fits(one: Expunged, query: str) -> bool:
    envelope, wanted = view(one.envelope), query.casefold()
    texts = (envelope.subject, one.preview, *envelope.from_, *envelope.recipients)
    return any(wanted in text.casefold() for text in texts)
