"""`mda trace`: everything that happened to a message."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec

from mda import settings
from mda.antispam.verdict import heaviest
from mda.binding import contributions_of
from mda.causes import Cause
from mda.cli.options import MOST_DAYS, json_option
from mda.cli.table import to_json
from mda.cli.text import visible
from mda.errors import NotFound
from mda.identifiers import format_id
from mda.metadata.delivery import trace_reading
from mda.metadata.mailbox import history
from mda.metadata.mailbox.history import Stay
from mda.metadata.postgresql.reading import Reader, reading
from mda.sizes import format_size
from mda.trace import REASONS_KEPT, CopyTrace, MessageTrace


@click.command()
@click.argument("query", metavar="QUERY")
@click.option("--days", metavar="NUMBER", type=click.IntRange(1, MOST_DAYS), default=30, help="How far to look back.")
@json_option
@click.pass_obj
def trace(config: Path | None, query: str, days: int, as_json: bool) -> None:
    """Say what happened to a message.

    QUERY is Postfix's queue id, a Message-ID, an address (recipient, account or sender), or the id that our reply gave
    to Postfix and that stands in its log. Shows who brought the message, what was decided and why, how long each step
    took, and where the message has gone since. Entries appear within 2 seconds and are kept for delivery.trace_days.

    \b
    $ mda trace 4cXYZ12345z1
    $ mda trace '<20261127.1234@example.net>'
    $ mda trace anne@example.org --days 1
    $ mda trace 01c9f3e2a4b5c6d7 --json
    """
    with reading(settings.load(config)) as reader:
        since = datetime.now(UTC) - timedelta(days=days)
        found = [(entry, _stays(reader, entry)) for entry in trace_reading.find(reader, query, since)]
    if as_json:
        click.echo(to_json([_document(entry, stays) for entry, stays in found]))
        return
    if not found:
        raise NotFound(
            f"nothing is known of {query} in the last {days} days",
            "look into Postfix's log: it may not have reached us; or give more --days",
        )
    for entry, stays in found:
        for line in _lines(entry, stays):
            click.echo(visible(line))


def _stays(reader: Reader, entry: MessageTrace) -> list[tuple[Stay, ...]]:
    return [history.stays(reader, copy.account_id, copy.content_id) if copy.content_id else () for copy in entry.copies]


def _document(entry: MessageTrace, stays: list[tuple[Stay, ...]]) -> dict[str, object]:
    plain: dict[str, object] = {name: getattr(entry, name) for name in entry.__struct_fields__ if name != "evidence"}
    plain["at"] = _moment(entry.at).isoformat(timespec="milliseconds")
    plain["copies"] = [
        {name: getattr(copy, name) for name in copy.__struct_fields__}
        | {
            "content_id": format_id(copy.content_id) if copy.content_id else None,
            "reasons": _reasons(entry, copy),
            "history": [msgspec.to_builtins(stay) for stay in of_copy],
        }
        for copy, of_copy in zip(entry.copies, stays, strict=True)
    ]
    return plain


def _lines(entry: MessageTrace, stays: list[tuple[Stay, ...]]) -> Iterator[str]:
    yield f"{_moment(entry.at).astimezone():%Y-%m-%d %H:%M:%S%z}  from <{entry.reverse_path}>"
    yield from (f"    {line}" for line in _origin(entry))
    for copy, of_copy in zip(entry.copies, stays, strict=True):
        yield f"  to {_path(copy)}"
        yield from (
            f"    {line}" for line in (*_outcome(copy), *_verdict(entry, copy), *_times(copy), *map(_stay, of_copy))
        )
        if copy.content_id and not of_copy:
            yield "    gone: purged, or its account deleted"


def _origin(entry: MessageTrace) -> Iterator[str]:
    if entry.queue_id:
        yield f"queue id {entry.queue_id}"
    if entry.message_id:
        yield f"Message-ID <{entry.message_id}>"
    if entry.client_name or entry.client_address:
        helo = f", helo {entry.helo}" if entry.helo else ""
        yield f"client {entry.client_name or 'unknown'} [{entry.client_address}]{helo} {entry.protocol}".rstrip()
    elif entry.peer:
        yield f"brought by {entry.peer}"
    if entry.size:
        yield (
            f"{format_size(entry.size)}, answered after {_milliseconds(entry.seconds)}"
            f" (inspected in {_milliseconds(entry.inspect_seconds)})"
        )
    else:
        yield "refused before DATA"


def _path(copy: CopyTrace) -> str:
    steps = [copy.original, copy.recipient, copy.account]
    return " -> ".join(step for number, step in enumerate(steps) if step and step not in steps[:number])


def _outcome(copy: CopyTrace) -> Iterator[str]:
    if copy.content_id:
        yield f"{copy.result} as {copy.mailbox}:{copy.uid} id={format_id(copy.content_id)} shard={copy.shard}"
    else:
        cause = Cause.__members__.get(copy.result.upper())
        yield f"refused: {cause.reply if cause else copy.result} ({copy.result})"


def _verdict(entry: MessageTrace, copy: CopyTrace) -> Iterator[str]:
    if copy.score is not None:
        reasons = "".join(f", {what} {weight:+.1f}" for what, weight in _reasons(entry, copy))
        yield f"{'spam' if copy.is_spam else 'not spam'}, score {copy.score:.2f}{reasons}"


def _reasons(entry: MessageTrace, copy: CopyTrace) -> tuple[tuple[str, float], ...]:
    """The heaviest of what the model found in the message, and of what was beside it for this account."""
    if copy.score is None:
        return ()
    return heaviest(contributions_of(entry.evidence), copy.reasons, REASONS_KEPT)


def _times(copy: CopyTrace) -> Iterator[str]:
    if copy.batch:
        yield (
            f"body written in {_milliseconds(copy.shard_seconds)}, row in {_milliseconds(copy.commit_seconds)}"
            f" with {copy.batch - 1} others"
        )


def _stay(stay: Stay) -> str:
    if stay.left_at is None:
        return f"is in {stay.mailbox}:{stay.uid}"
    verb = "moved from" if stay.is_moved else "expunged from"
    return f"{stay.left_at.astimezone():%Y-%m-%d %H:%M:%S%z}  {verb} {stay.mailbox}:{stay.uid}"


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
