"""`mda quota recount`: counting again what accounts hold."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.options import AddressType, json_option
from mda.cli.progress import Meter, amount, is_watched
from mda.cli.table import Column, show
from mda.metadata.directory import accounts, quotas
from mda.metadata.directory.quotas import Recount
from mda.metadata.postgresql.opened import opened

RECOUNT_COLUMNS: tuple[Column[Recount], ...] = (
    Column("address", "Account", lambda found: found.address),
    Column("bytes_before", "Bytes before", lambda found: found.bytes_before, is_right=True),
    Column("bytes_after", "Counted", lambda found: found.bytes_after, is_right=True),
    Column("messages_before", "Messages before", lambda found: found.messages_before, is_right=True),
    Column("messages_after", "Counted", lambda found: found.messages_after, is_right=True),
    Column("mailboxes", "Mailboxes wrong", lambda found: found.mailboxes, is_right=True),
)


@click.command()
@click.argument("addresses", metavar="[ACCOUNT...]", type=AddressType(), nargs=-1)
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Say what is wrong, and change nothing.")
@json_option
@click.pass_obj
def recount(config: Path | None, addresses: tuple[Address, ...], is_rehearsal: bool, as_json: bool) -> None:
    """Count what accounts and their mailboxes hold, and mend what is wrong.

    Lists the accounts that were wrong; there should be none, also after a crash. Each account is held for as long as
    it is counted, and its mail waits so long. What a domain uses is the sum of its accounts, which the service counts
    again every few seconds by itself. Interrupted, it has mended those that it has counted.

    \b
    $ mda quota recount --dry-run
    $ mda quota recount anne@example.org
    """
    with opened(settings.load(config)) as handle:
        named = [accounts.find(handle, one).address for one in addresses] if addresses else None
        count, wrong = 0, []
        wanted = accounts.list_all(handle) if named is None and is_watched() else named or ()
        with Meter("counting", len(wanted), amount("accounts")) as meter:
            for found in quotas.recount(handle, named, is_rehearsal=is_rehearsal):
                count += 1
                meter.add(1)
                if found.is_wrong:
                    wrong.append(found)
    show(wrong, RECOUNT_COLUMNS, as_json=as_json)
    verb = "are wrong" if is_rehearsal else "were mended"
    click.echo(f"{count} accounts counted, {len(wrong)} {verb}", err=True)
