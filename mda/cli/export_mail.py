"""`mda export`: an account's mail as files."""

from collections.abc import Iterator
from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.options import FolderType, account_argument, json_object_option
from mda.cli.progress import Meter
from mda.cli.table import to_json
from mda.errors import Conflict, InvalidValue, MdaError
from mda.maintenance import shards
from mda.metadata.directory import accounts
from mda.metadata.mailbox import exported, mailboxes
from mda.metadata.mailbox.listed import Mailbox
from mda.metadata.postgresql.opened import opened
from mda.storage.reader import SegmentReader
from mda.transfer import mbox
from mda.transfer.exporting import items
from mda.transfer.item import Item
from mda.transfer.maildir import MaildirWriter


@click.command()
@account_argument
@click.argument("target", metavar="TARGET", type=FolderType())
@click.option("--mailbox", "path", metavar="MAILBOX", help="Only this mailbox. Default: all.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["maildir", "mbox"]),
    default="maildir",
    show_default=True,
    help="Which files.",
)
@json_object_option
@click.pass_context
def export(ctx: click.Context, account: Address, target: Path, path: str | None, form: str, as_json: bool) -> None:
    """Export an account's mail into a new folder.

    As IMAP shows it, with flags, keywords and dates: a Maildir with its subfolders, or an mbox for each mailbox
    (mboxrd). mda import brings it back byte for byte. Interrupted, it begins anew in another folder. Exits with 1 when
    a message could not be read; the others are there.

    \b
    $ mda export anne@example.org /backup/anne
    $ mda export anne@example.org /backup/anne --format mbox --mailbox Archive
    """
    chosen = settings.load(ctx.obj)
    with opened(chosen) as handle:
        account_id = accounts.find(handle, account).id
        tree = (mailboxes.find(handle, account_id, path),) if path else mailboxes.list_all(handle, account_id)
        readers = {
            shard.id: SegmentReader(shard, verifies_digest=chosen.storage.verify_digest)
            for shard in shards.all_shards(handle)
        }
        _require_new(target)
        count = octets = missing = 0
        with Meter("exporting", exported.total(handle, account_id, tuple(one.id for one in tree))) as meter:

            def miss(error: MdaError) -> None:
                nonlocal missing
                missing += 1
                meter.say(f"left out {error}", err=True)

            try:
                for one in tree:
                    for item in _written(target, form, one, items(handle, readers, account_id, one, miss)):
                        count, octets = count + 1, octets + item.size
                        meter.add(item.size)
            except OSError as error:
                raise InvalidValue(f"{error.filename or target}: {error.strerror}", "name another folder") from error
    if as_json:
        click.echo(to_json({"messages": count, "bytes": octets, "mailboxes": len(tree), "left_out": missing}))
    else:
        told = f"exported {count} messages from {len(tree)} mailbox" + ("" if len(tree) == 1 else "es")
        click.echo(told + (f"; {missing} could not be read" if missing else ""))
    ctx.exit(1 if missing else 0)


def _written(target: Path, form: str, mailbox: Mailbox, found: Iterator[Item]) -> Iterator[Item]:
    if form == "maildir":
        writer = MaildirWriter(target)
        for item in found:
            writer.add(item)
            yield item
        return
    file = target / mbox.file_name(mailbox.path)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as stream:
        for item in found:
            mbox.write(stream, item)
            yield item


def _require_new(target: Path) -> None:
    """What is there already would be mixed with what comes."""
    try:
        if target.exists() and any(target.iterdir()):
            raise Conflict(f"{target} is not empty", "name a new folder")
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidValue(f"{target}: {error.strerror}", "name another folder") from error
