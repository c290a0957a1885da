"""`mda message show` and `raw`: one message, for people and byte for byte."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mda import binding, settings
from mda.address import Address
from mda.cli import message_bytes, message_flags, message_name
from mda.cli.envelope_view import decode_words
from mda.cli.options import account_argument
from mda.cli.quantities import whole
from mda.cli.table import to_json
from mda.cli.text import visible
from mda.errors import InvalidValue
from mda.identifiers import format_id
from mda.metadata.directory import accounts
from mda.metadata.mailbox import messages
from mda.metadata.mailbox.listed import Entry
from mda.metadata.mailbox.messages import Content
from mda.metadata.postgresql.opened import Handle, opened
from mda.mime import defects
from mda.mime import message as mime_message
from mda.sizes import format_size
from mda.storage.location import Location, segment_path
from mda.storage.shard import shard_root

name_argument = click.argument("name", metavar="MESSAGE")


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known of one message."""

    mailbox: str
    entry: Entry
    content: Content
    fields: tuple[tuple[str, str], ...]
    """The delivered form's header fields, decoded."""


@click.command("show")
@account_argument
@name_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show_one(config: Path | None, account: Address, name: str, as_json: bool) -> None:
    """Show a message: its header, verdict, place and defects.

    \b
    $ mda message show anne@example.org INBOX:17
    $ mda message show anne@example.org 01c9f3e2a4b5c6d7 --json
    """
    with opened(settings.load(config)) as handle:
        shown = _read(handle, accounts.find(handle, account).id, name)
    if as_json:
        click.echo(to_json(_document(shown)))
        return
    facts = _facts(shown)
    width = max(len(heading) for heading, _ in facts)
    for heading, text in facts:
        click.echo(f"{heading:<{width}}  {visible(text)}")
    click.echo()
    for field_name, value in shown.fields:
        click.echo(f"{visible(field_name)}: {visible(value)}")
    click.echo(f"\n{visible(shown.entry.preview)}")


def _part_numbers(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    numbers = tuple(whole(number) or 0 for number in value.split("."))
    if not all(numbers):
        raise click.BadParameter(f"{value!r} is not a part; write it like 1 or 2.1")
    return numbers


def _span(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    start, length = map(whole, value.partition(":")[::2])
    if start is None or length is None:
        raise click.BadParameter(f"{value!r} is not a range; write it like 0:4096")
    return start, length


@click.command()
@account_argument
@name_argument
@click.option("--delivered", "is_delivered", is_flag=True, help="As IMAP shows it: our header fields on top.")
@click.option("--part", metavar="NUMBER", callback=_part_numbers, help="Only the body of this part, like 1.2.")
@click.option("--range", "span", metavar="START:LENGTH", callback=_span, help="Only these octets.")
@click.pass_obj
def raw(
    config: Path | None,
    account: Address,
    name: str,
    is_delivered: bool,
    part: tuple[int, ...] | None,
    span: tuple[int, int] | None,
) -> None:
    """Print a message byte for byte, as Postfix handed it over.

    With --delivered our own header fields come first, and inbound ones that pretend to be ours are left out. --part
    and --range read of a long message only what they print.

    \b
    $ mda message raw anne@example.org INBOX:17 > message.eml
    $ mda message raw anne@example.org INBOX:17 --delivered | less
    $ mda message raw anne@example.org INBOX:17 --part 2 | base64 -d > picture.jpg
    $ mda message raw anne@example.org INBOX:17 --range 0:4096
    """
    if (part is not None) + (span is not None) + is_delivered > 1:
        raise InvalidValue("--delivered, --part and --range exclude each other", "give one of them")
    chosen = settings.load(config)
    with opened(chosen) as handle:
        account_id = accounts.find(handle, account).id
        entry = message_name.find_any(handle, account_id, name)
        content = messages.open_content(handle, account_id, entry.content_id)
    verifies_digest = chosen.storage.verify_digest
    if part is not None:
        octets = message_bytes.part(content, part)
    elif span is not None:
        octets = message_bytes.stored_range(content, *span)
    elif is_delivered:
        octets = message_bytes.delivered(content, verifies_digest=verifies_digest)
    else:
        octets = message_bytes.stored(content, verifies_digest=verifies_digest)
    click.echo(octets, nl=False)


def _read(handle: Handle, account_id: int, name: str) -> Shown:
    entry = message_name.find_any(handle, account_id, name)
    content = messages.open_content(handle, account_id, entry.content_id)
    message = mime_message.read(binding.examine(message_bytes.delivered(content)))
    octets = message.examination.raw
    # A folded line may go on with a tab (RFC 5322 s2.2.3): to a reader it is a space.
    fields = tuple(
        (one.name, decode_words(octets[one.value_start : one.value_end]).replace("\t", " ")) for one in message.fields
    )
    return Shown(message_name.paths(handle, account_id)[entry.mailbox_id], entry, content, fields)


def _facts(shown: Shown) -> list[tuple[str, str]]:
    entry, content = shown.entry, shown.content
    place = message_bytes.location(content)
    facts = [
        ("Message", f"{shown.mailbox}:{entry.uid}, id {format_id(content.id)}, thread {format_id(content.thread_id)}"),
        ("Received", _local(content.received_at)),
        ("Sent", _local(entry.sent_at) if entry.sent_at else "unknown"),
        ("Size", f"{format_size(content.delivered_size)} ({content.delivered_size} delivered, {content.size} stored)"),
        ("Flags", ", ".join(message_flags.names(entry)) or "none"),
        ("Spam", _spam(content)),
        ("Shard", f"{content.shard.name}, {place}"),
        ("Segment", str(segment_path(shard_root(content.shard.url), content.segment))),
        ("SHA-256", content.digest.hex()),
        ("Defects", ", ".join(_defects(content)) or "none"),
    ]
    optional = (
        ("Replica", _replica(content)),
        ("Queue id", content.queue_id),
        ("Recipient", content.original_recipient),
    )
    return facts + [(heading, text) for heading, text in optional if text]


def _replica(content: Content) -> str:
    if content.replica is None:
        return ""
    shard, place = content.replica
    return f"{shard.name}, {Location(place.segment, place.offset, place.length)}"


def _document(shown: Shown) -> dict[str, Any]:
    entry, content = shown.entry, shown.content
    return {
        "id": format_id(content.id),
        "mailbox": shown.mailbox,
        "uid": entry.uid,
        "thread": format_id(content.thread_id),
        "received_at": content.received_at.isoformat(),
        "sent_at": entry.sent_at.isoformat() if entry.sent_at else None,
        "stored_size": content.size,
        "delivered_size": content.delivered_size,
        "flags": list(message_flags.names(entry)),
        "spam_score": None if content.spam_score is None else round(content.spam_score, 4),
        "spam_reasons": [[kind, feature, round(weight, 4)] for kind, feature, weight in content.spam_reasons.reasons],
        "shard": content.shard.name,
        "segment": format_id(content.segment),
        "offset": content.offset,
        "length": content.length,
        "replica": content.replica[0].name if content.replica else None,
        "sha256": content.digest.hex(),
        "defects": list(_defects(content)),
        "queue_id": content.queue_id,
        "original_recipient": content.original_recipient,
        "header": [{"name": name, "value": value} for name, value in shown.fields],
        "preview": entry.preview,
    }


def _spam(content: Content) -> str:
    if content.spam_score is None:
        return "not classified"
    together: dict[str, float] = {}
    for category, _, weight in content.spam_reasons.reasons:
        together[category] = together.get(category, 0.0) + weight
    strongest = sorted(together.items(), key=lambda item: -abs(item[1]))
    reasons = ", ".join(f"{category} {weight:+.2f}" for category, weight in strongest)
    return f"{content.spam_score:.4f}" + (f" ({reasons})" if reasons else "")


def _defects(content: Content) -> tuple[str, ...]:
    return tuple(name.lower().replace("_", " ") for name in defects.names(content.defects))


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
