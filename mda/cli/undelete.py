"""`mda undelete`: expunged messages back into their mailboxes."""

from datetime import datetime
from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.envelope_view import view
from mda.cli.options import account_argument
from mda.cli.quantities import Moment
from mda.cli.text import visible
from mda.identifiers import IdentifierSource
from mda.metadata.directory import accounts
from mda.metadata.mailbox import undelete as expunged_messages
from mda.metadata.mailbox.undelete import Expunged
from mda.metadata.postgresql.opened import opened


@click.command()
@account_argument
@click.option("--mailbox", "path", metavar="MAILBOX", help="Only what was expunged from this mailbox.")
@click.option("--since", metavar="DATE", type=Moment(), help="Only what was expunged since: 2026-11-23, 36h or 7d.")
@click.option(
    "--query", metavar="TEXT", default="", help="Only with this text in sender, recipients, subject, preview."
)
@click.option("--dry-run", "is_dry", is_flag=True, help="Only say what would come back.")
@click.pass_obj
def undelete(
    config: Path | None, account: Address, path: str | None, since: datetime | None, query: str, is_dry: bool
) -> None:
    """Bring expunged messages back.

    They come back with their flags, under new UIDs, into the mailboxes they were in; a deleted mailbox is made again.
    Messages can be brought back for storage.retention_days, or for the account's own time (mda account retention).

    \b
    $ mda undelete anne@example.org --since 2d
    $ mda undelete anne@example.org --mailbox Work --query invoice --dry-run
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        found = [one for one in expunged_messages.find(handle, account_id, path, since) if _fits(one, query)]
        if is_dry:
            for one in found:
                click.echo(f"{one.path}:{one.uid}\t{visible(view(one.envelope).subject)}")
            click.echo(f"{len(found)} messages would come back", err=True)
            return
        restored = expunged_messages.restore(handle, IdentifierSource(), account_id, found)
    for back in restored:
        click.echo(f"restored {back.path}:{back.uid}")
    click.echo(f"{len(restored)} messages are back", err=True)


def _fits(one: Expunged, query: str) -> bool:
    envelope, wanted = view(one.envelope), query.casefold()
    texts = (envelope.subject, one.preview, *envelope.from_, *envelope.recipients)
    return any(wanted in text.casefold() for text in texts)
