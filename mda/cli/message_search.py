"""`mda message search`."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.envelope_view import view
from mda.cli.message_conditions import Search, search_options
from mda.cli.message_list import COLUMNS, Line
from mda.cli.options import NumberType, account_argument, json_option
from mda.cli.progress import Meter, amount
from mda.cli.table import Column, show
from mda.metadata.directory import accounts
from mda.metadata.mailbox import mailboxes, messages
from mda.metadata.mailbox.listed import Mailbox
from mda.metadata.postgresql.opened import Handle, opened

FOUND: tuple[Column[Line], ...] = (
    Column("message", "Message", lambda line: f"{line.mailbox}:{line.entry.uid}"),
    COLUMNS[0]._replace(is_only_json=True),
    *COLUMNS[1:],
)
"""Found messages are named as other commands take them."""


@click.command()
@account_argument
@click.option("--mailbox", "path", metavar="MAILBOX", help="Only this mailbox. Default: all.")
@search_options
@click.option("--limit", metavar="NUMBER", type=NumberType(1), default=50, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def search(config: Path | None, account: Address, path: str | None, limit: int, as_json: bool, search: Search) -> None:
    """Search an account's messages, newest first.

    Every option given must match; texts match anywhere, without case. --header and --body read the messages
    themselves, which takes longer.

    \b
    $ mda message search anne@example.org --from bob --since 7d
    $ mda message search anne@example.org --subject invoice --mailbox Junk
    $ mda message search anne@example.org --header List-Id:announce --json
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        places = [mailboxes.find(handle, account_id, path)] if path else mailboxes.list_all(handle, account_id)
        with Meter("searching", sum(one.messages for one in places), amount("messages")) as meter:
            each = (islice(_lines(handle, account_id, place, search, meter), limit + 1) for place in places)
            found = [line for lines in each for line in lines]
    found.sort(key=lambda line: line.entry.internal_date, reverse=True)
    show(found[:limit], FOUND, as_json=as_json)
    if len(found) > limit:
        click.echo(f"{limit} messages and more; see them with --limit", err=True)


def _lines(handle: Handle, account_id: int, place: Mailbox, search: Search, meter: Meter) -> Iterator[Line]:
    for entry in messages.read(handle, account_id, place.id, search.rows):
        meter.add(1)
        envelope = view(entry.envelope)
        open_content = partial(messages.open_content, handle, account_id, entry.content_id)
        if search.fits(envelope, entry.preview) and search.fits_bytes(open_content):
            yield Line(place.path, entry, envelope)
