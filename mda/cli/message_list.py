"""`mda message list`, and how a listed message is shown."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click

from mda import settings
from mda.address import Address
from mda.cli import message_flags
from mda.cli.account_named import account_id
from mda.cli.envelope_view import EnvelopeView, view
from mda.cli.options import NumberType, account_argument, json_option
from mda.cli.table import Column, show, size_column
from mda.identifiers import format_id
from mda.metadata.mailbox import listed
from mda.metadata.mailbox.listed import Entry
from mda.metadata.postgresql.reading import reading


class Line(NamedTuple):
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
    size_column("size", "Size", lambda line: line.entry.size),
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


@click.command("list")
@account_argument
@click.option("--mailbox", "path", metavar="MAILBOX", default="INBOX", show_default=True, help="Mailbox to list.")
@click.option("--limit", metavar="NUMBER", type=NumberType(1), default=50, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def list_all(config: Path | None, account: Address, path: str, limit: int, as_json: bool) -> None:
    """List a mailbox, newest first.

    Flags are S seen, R answered, F flagged, T deleted, D draft.

    \b
    $ mda message list anne@example.org
    $ mda message list anne@example.org --mailbox Junk --limit 10 --json
    """
    loaded = settings.load(config)
    with reading(loaded) as reader:
        owner = account_id(reader, loaded, account)
        found = listed.require(listed.tree(reader, owner), path)
        entries = listed.newest(reader, owner, found.id, limit)
    lines = [Line(found.path, entry, view(entry.envelope)) for entry in entries]
    show(lines, COLUMNS, as_json=as_json)
    if len(lines) == limit < found.messages:
        click.echo(f"{limit} of {found.messages} messages; more with --limit", err=True)


def _short(moment: datetime) -> str:
    """Twelve columns at most, as ls writes it: the hour of this year's, else the year."""
    local = moment.astimezone()
    return local.strftime("%b %d %H:%M" if local.year == datetime.now().astimezone().year else "%Y-%m-%d")
