"""`mda deliver`: one message from standard input into the store, without a running server."""

import asyncio
import sys
from collections.abc import Sequence

import click

from mda import settings
from mda.address import Address
from mda.causes import Cause, Reply
from mda.cli import streams
from mda.cli.options import AddressType
from mda.cli.text import visible
from mda.delivery.compose import compose
from mda.delivery.copies import Accepted
from mda.delivery.service import DeliveryService
from mda.envelope import NULL_REVERSE_PATH, Envelope, Recipient
from mda.identifiers import IdentifierSource
from mda.learning import correspondents
from mda.logs import configure
from mda.metadata.postgresql.opened import Handle
from mda.metadata.postgresql.readiness import fit_to_serve
from mda.settings import MOST_MESSAGE_BYTES, Log, Settings
from mda.transfer.message_lines import require_length

EXIT_REFUSED = 69
"""EX_UNAVAILABLE: at least one recipient will never take it, and none asks for another try."""

EXIT_TRY_AGAIN = 75
"""EX_TEMPFAIL: at least one recipient did not take it now."""


def _reverse_path(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """An address, or the null reverse-path (RFC 5321 s4.5.5) as an empty word or `<>`."""
    if value in ("", "<>"):
        return NULL_REVERSE_PATH
    return str(AddressType().convert(value, param, ctx))


@click.command()
@click.option(
    "-f", "--sender", default="", callback=_reverse_path, help="Reverse-path; without it the null one, as of a bounce."
)
@click.argument("recipients", metavar="RECIPIENT...", nargs=-1, required=True, type=AddressType())
@click.pass_context
def deliver(ctx: click.Context, sender: str, recipients: tuple[Address, ...]) -> None:
    """Deliver one message from standard input.

    Needs no running server, and keeps no receipt: delivered twice, it is there twice. Line ends become CRLF. Exits 0
    when every recipient has it, 75 when one should be tried again, 69 when one was refused for good.

    \b
    $ mda deliver -f ben@example.net anne@example.org < mail.eml
    """
    whole = require_length(sys.stdin.buffer.read(MOST_MESSAGE_BYTES + 1), "standard input")
    raw = require_length(whole.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), "standard input")
    chosen = settings.load(ctx.obj)
    configure(Log(level="error", format=chosen.log.format))
    with fit_to_serve(chosen) as handle:
        answers, accepted = asyncio.run(_deliver(chosen, sender, recipients, raw))
        _note_correspondents(handle, accepted, raw)
    for recipient, reply in zip(recipients, answers, strict=True):
        _say(f"{recipient}: {reply}", is_error=not 200 <= reply.code < 300)
    ctx.exit(_status(answers))


def _say(line: str, *, is_error: bool) -> None:
    """That nobody can be told changes nothing: another exit status would have the message delivered again."""
    try:
        click.echo(visible(line), err=is_error)
    except OSError:
        streams.give_up_output()


async def _deliver(
    chosen: Settings, sender: str, recipients: Sequence[Address], raw: bytes
) -> tuple[tuple[Reply, ...], tuple[Accepted, ...]]:
    """One answer a recipient, and those that have the message."""
    async with compose(chosen, keeps_receipts=False) as service:
        asked = [await service.resolve(Recipient(recipient), sender, len(raw)) for recipient in recipients]
        accepted = [answer for answer in asked if isinstance(answer, Accepted)]
        replies = await _hand_over(service, sender, accepted, raw)
        each = iter(replies)
        answers = tuple(answer.reply if isinstance(answer, Cause) else next(each) for answer in asked)
        stored = (one for one, reply in zip(accepted, replies, strict=True) if 200 <= reply.code < 300)
        return answers, tuple(stored)


async def _hand_over(
    service: DeliveryService, sender: str, accepted: Sequence[Accepted], raw: bytes
) -> tuple[Reply, ...]:
    if not accepted:
        return ()
    return await service.deliver(Envelope(sender, tuple(one.recipient for one in accepted)), accepted, raw)


def _note_correspondents(handle: Handle, stored: Sequence[Accepted], raw: bytes) -> None:
    """What a user's own program puts into Sent says whom the user writes to."""
    for target in (target for one in stored for target in one.targets):
        mailbox_id = target.detail_mailbox_id
        if mailbox_id is not None and correspondents.is_sent(handle, target.account_id, mailbox_id):
            found = correspondents.recipients(raw)
            correspondents.note(handle, IdentifierSource(), target.account_id, found)


def _status(answers: Sequence[Reply]) -> int:
    if any(reply.is_temporary for reply in answers):
        return EXIT_TRY_AGAIN
    return EXIT_REFUSED if any(reply.is_permanent for reply in answers) else 0
