"""`mda spam learn` and `forget`."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli import mail_files, message_bytes, message_name
from mda.cli.options import account_argument, json_object_option, rehearsal_option
from mda.cli.progress import Meter, amount
from mda.cli.table import to_json
from mda.errors import InvalidValue
from mda.identifiers import IdentifierSource, format_id
from mda.learning import teach
from mda.learning.lesson import Lesson, Pupil, campaign_of, outside_id
from mda.learning.teach import Taught
from mda.metadata.directory import accounts
from mda.metadata.mailbox import messages
from mda.metadata.postgresql.opened import Handle, opened
from mda.settings import Settings

AT_ONCE = 200
"""Messages of a transaction."""

SOURCE = "admin"

what_argument = click.argument("what", metavar="MESSAGE|FILE|FOLDER...", nargs=-1, required=True)


@click.command()
@click.option("--spam/--ham", "is_spam", default=None, help="What the messages are; one of the two must be given.")
@click.option("--campaign", "is_campaign", is_flag=True, help="Also the account's other messages of the same campaign.")
@account_argument
@what_argument
@rehearsal_option
@json_object_option
@click.pass_obj
def learn(
    config: Path | None,
    is_spam: bool | None,
    is_campaign: bool,
    account: Address,
    what: tuple[str, ...],
    is_rehearsal: bool,
    as_json: bool,
) -> None:
    """Mark messages as spam or ham for one account.

    It counts for the account's next message; all others follow, a little, when the trainer runs. A message that is
    marked so already changes nothing. Besides messages of the account, an mbox, a Maildir or a folder with one message
    a file can be named. Interrupted, it goes on when it is run again.

    \b
    $ mda spam learn --spam anne@example.org INBOX:17 INBOX:18
    $ mda spam learn --ham anne@example.org ./old-mail.mbox
    $ mda spam learn --spam --campaign anne@example.org INBOX:17
    """
    if is_spam is None:
        raise click.UsageError("say --spam or --ham")
    chosen = settings.load(config)
    with opened(chosen) as handle:
        account_id = accounts.find(handle, account).id
        if is_campaign:
            what = tuple(_copies(handle, account_id, what))
        taught = _teach(handle, chosen, account_id, what, is_spam, is_rehearsal=is_rehearsal)
    if as_json:
        click.echo(to_json({"is_dry_run": is_rehearsal, "learned": taught.changed, "known": taught.known}))
        return
    known = f"; {taught.known} were marked so already" if taught.known else ""
    verb = "would learn" if is_rehearsal else "learned"
    click.echo(f"{verb} {taught.changed} messages as {'spam' if is_spam else 'ham'}{known}")


@click.command()
@click.option("--spam/--ham", "is_spam", default=None, help="Only marks of this verdict.")
@account_argument
@what_argument
@rehearsal_option
@json_object_option
@click.pass_obj
def forget(
    config: Path | None,
    is_spam: bool | None,
    account: Address,
    what: tuple[str, ...],
    is_rehearsal: bool,
    as_json: bool,
) -> None:
    """Take marks back, as if they had never been set.

    All at once, in the end: interrupted, nothing is forgotten.

    \b
    $ mda spam forget anne@example.org INBOX:17
    $ mda spam forget --spam anne@example.org ./wrong.mbox
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        with Meter("reading", form=amount("messages")) as meter:
            ids = tuple(dict.fromkeys(_ids(handle, account_id, what, meter)))
        gone = teach.forget(handle, IdentifierSource(), account_id, ids, is_spam, is_rehearsal=is_rehearsal)
    if as_json:
        click.echo(to_json({"is_dry_run": is_rehearsal, "forgotten": gone, "unknown": len(ids) - gone}))
        return
    unknown = f"; {len(ids) - gone} had no such mark" if gone < len(ids) else ""
    click.echo(f"{'would forget' if is_rehearsal else 'forgot'} {gone} marks{unknown}")


def _teach(
    handle: Handle, chosen: Settings, account_id: int, what: Sequence[str], is_spam: bool, *, is_rehearsal: bool
) -> Taught:
    pupil = Pupil(Path(chosen.spam.model) if chosen.spam.model else None)
    identifiers = IdentifierSource()
    changed = known = 0
    each = _lessons(handle, pupil, account_id, what)
    with Meter("learning", form=amount("messages")) as meter:
        while lessons := tuple(islice(each, AT_ONCE)):
            taught = teach.teach(handle, identifiers, account_id, lessons, is_spam, SOURCE, is_rehearsal=is_rehearsal)
            changed, known = changed + taught.changed, known + taught.known
            meter.add(len(lessons))
    return Taught(changed, known)


def _lessons(handle: Handle, pupil: Pupil, account_id: int, what: Sequence[str]) -> Iterator[Lesson]:
    for name in what:
        if place := _place(name):
            for raw in mail_files.read(place):
                yield pupil.read(outside_id(raw), raw)
        else:
            content_id = _content_id(handle, account_id, name)
            content = messages.open_content(handle, account_id, content_id)
            yield pupil.read(content_id, message_bytes.stored(content), content.spam_reasons)


def _copies(handle: Handle, account_id: int, what: Sequence[str]) -> Iterator[str]:
    """What is named, and by their ids the near copies of those that are messages of the account."""
    for name in what:
        yield name
        if _place(name) is None:
            content = messages.open_content(handle, account_id, _content_id(handle, account_id, name))
            campaign = campaign_of(content.spam_reasons)
            if campaign is not None:
                yield from map(format_id, messages.find_campaign(handle, account_id, campaign.id))


def _ids(handle: Handle, account_id: int, what: Sequence[str], meter: Meter) -> Iterator[int]:
    for name in what:
        if place := _place(name):
            for raw in mail_files.read(place):
                meter.add(1)
                yield outside_id(raw)
        else:
            yield _content_id(handle, account_id, name)


def _place(name: str) -> Path | None:
    """A file or folder; None for anything else, the empty word that an unset variable leaves among it: Path takes that
    for the working folder."""
    try:
        return Path(name) if name and Path(name).exists() else None
    except OSError:  # too long for a file's name
        return None


def _content_id(handle: Handle, account_id: int, name: str) -> int:
    try:
        return message_name.find_any(handle, account_id, name).content_id
    except InvalidValue as error:
        raise InvalidValue(f"{name!r} is neither a message nor a file", error.remedy) from error
