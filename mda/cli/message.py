"""`mda message`: the group, and its listing and search."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli import message_flags
from mda.cli.envelope_view import EnvelopeView, view
from mda.cli.message_change import expunge, move
from mda.cli.message_purge import purge
from mda.cli.message_search import Search, search_options
from mda.cli.message_show import raw, show_one
from mda.cli.options import account_argument, json_option
from mda.cli.quantities import format_size
from mda.cli.table import Column, show
from mda.identifiers import format_id
from mda.metadata.directory import accounts
from mda.metadata.mailbox import mailboxes, messages
from mda.metadata.mailbox.mailboxes import Mailbox
from mda.metadata.mailbox.messages import Entry
from mda.metadata.postgresql.opened import Handle, opened


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a listing."""

    mailbox: str
    entry: Entry
    envelope: EnvelopeView


def _sender(line: Line) -> str:
    return line.envelope.from_[0] if line.envelope.from_ else ""


def _score(line: Line) -> float | None:
    return None if line.entry.spam_score is None else round(line.entry.spam_score, 4)


def _short_score(line: Line) -> str:
    return "" if line.entry.spam_score is None else f"{line.entry.spam_score:.2f}"


COLUMNS: tuple[Column[Line], ...] = (
    Column("uid", "UID", lambda line: line.entry.uid, is_right=True),
    Column("date", "Date", lambda line: line.entry.internal_date, lambda line: _short(line.entry.internal_date)),
    Column("from", "From", _sender, is_shortened=True),
    Column("subject", "Subject", lambda line: line.envelope.subject, is_shortened=True),
    Column("size", "Size", lambda line: line.entry.size, lambda line: format_size(line.entry.size), is_right=True),
    Column(
        "flags", "Flags", lambda line: message_flags.names(line.entry), lambda line: message_flags.letters(line.entry)
    ),
    Column("spam_score", "Spam", _score, _short_score, is_right=True),
    Column("id", "Id", lambda line: format_id(line.entry.content_id), is_only_json=True),
    Column("mailbox", "Mailbox", lambda line: line.mailbox, is_only_json=True),
    Column("to", "To", lambda line: line.envelope.recipients, is_only_json=True),
    Column("message_id", "Message-ID", lambda line: line.envelope.message_id, is_only_json=True),
    Column("preview", "Preview", lambda line: line.entry.preview, is_only_json=True),
)

FOUND: tuple[Column[Line], ...] = (
    Column("message", "Message", lambda line: f"{line.mailbox}:{line.entry.uid}"),
    replace(COLUMNS[0], is_only_json=True),
    *COLUMNS[1:],
)
"""Found messages are named as other commands take them."""


@click.group()
def message() -> None:
    """List, search, show, move, expunge or purge messages.

    A message is named by MAILBOX:UID, or by its id (16 hexadecimal digits, as the log and --json give it).

    \b
    $ mda message list anne@example.org
    $ mda message show anne@example.org INBOX:17
    """


@message.command("list")
@account_argument
@click.option("--mailbox", "path", metavar="MAILBOX", default="INBOX", show_default=True, help="Mailbox to list.")
@click.option(
    "--limit", metavar="NUMBER", type=click.IntRange(1), default=50, show_default=True, help="At most so many."
)
@json_option
@click.pass_obj
def list_all(config: Path | None, account: Address, path: str, limit: int, as_json: bool) -> None:
    """List a mailbox, newest first.

    Flags are S seen, R answered, F flagged, T deleted, D draft.

    \b
    $ mda message list anne@example.org
    $ mda message list anne@example.org --mailbox Junk --limit 10 --json
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        found = mailboxes.find(handle, account_id, path)
        lines = tuple(islice(_lines(handle, account_id, found, Search()), limit))
    show(lines, COLUMNS, as_json=as_json)
    if len(lines) == limit < found.messages:
        click.echo(f"{limit} of {found.messages} messages; more with --limit", err=True)


@message.command()
@account_argument
@click.option("--mailbox", "path", metavar="MAILBOX", help="Only this mailbox. Default: all.")
@search_options
@click.option(
    "--limit", metavar="NUMBER", type=click.IntRange(1), default=50, show_default=True, help="At most so many."
)
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
        found = [line for place in places for line in islice(_lines(handle, account_id, place, search), limit + 1)]
    found.sort(key=lambda line: line.entry.internal_date, reverse=True)
    show(found[:limit], FOUND, as_json=as_json)
    if len(found) > limit:
        click.echo(f"{limit} messages and more; see them with --limit", err=True)


def _lines(handle: Handle, account_id: int, place: Mailbox, search: Search) -> Iterator[Line]:
    for entry in messages.read(handle, account_id, place.id, search.rows):
        envelope = view(entry.envelope)
        open_content = partial(messages.open_content, handle, account_id, entry.content_id)
        if search.fits(envelope, entry.preview) and search.fits_bytes(open_content):
            yield Line(place.path, entry, envelope)


def _short(moment: datetime) -> str:
    """Twelve columns at most, as ls writes it: the hour of this year's, else the year."""
    local = moment.astimezone()
    return local.strftime("%b %d %H:%M" if local.year == datetime.now().astimezone().year else "%Y-%m-%d")


for command in (show_one, raw, move, expunge, purge):
    message.add_command(command)
