"""`mda import`: mail from files into an account."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import click

from mda import settings
from mda.address import Address
from mda.cli.options import account_argument, json_object_option
from mda.cli.progress import Meter
from mda.cli.table import to_json
from mda.cli.text import visible
from mda.errors import Conflict, InvalidValue
from mda.logs import configure
from mda.maintenance import shards
from mda.metadata.directory import accounts
from mda.metadata.mailbox import mailbox_names
from mda.metadata.postgresql.readiness import fit_to_serve
from mda.sizes import format_size
from mda.storage.shard import ShardState
from mda.transfer import maildir, mbox
from mda.transfer.importing import Importer
from mda.transfer.item import Item
from mda.transfer.known import Known


@click.command(name="import")
@account_argument
@click.argument("source", metavar="SOURCE", type=click.Path(exists=True, path_type=Path))
@click.option("--mailbox", metavar="MAILBOX", default="INBOX", show_default=True, help="Where an mbox goes.")
@click.option("--skip-existing", "skips", is_flag=True, help="Leave out what the account has, also as exported.")
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Read all of it, say what is there, and import nothing.")
@json_object_option
@click.pass_obj
def import_(
    config: Path | None,
    account: Address,
    source: Path,
    mailbox: str,
    skips: bool,
    is_rehearsal: bool,
    as_json: bool,
) -> None:
    """Import an mbox, a Maildir, or a folder of mboxes.

    Flags, keywords and dates come along; mailboxes are made as needed: those of a Maildir's subfolders, and of a
    folder's mboxes by their names. Mail is taken as it is, without the spam filter, and beyond the quota. Interrupted,
    run it again with --skip-existing.

    \b
    $ mda import anne@example.org /home/anne/Maildir --dry-run
    $ mda import anne@example.org old.mbox --mailbox Archive/2019
    """
    chosen = settings.load(config)
    configure(chosen.log)
    with fit_to_serve(chosen) as handle:
        found = accounts.find(handle, account)
        (shard,) = shards.named(handle, found.shard)
        if shard.state is ShardState.READONLY:
            raise Conflict(f"shard {shard.name} is readonly", "move the account first: mda shard move")
        known = Known(handle, shards.all_shards(handle), found.id) if skips else None
        if is_rehearsal:
            _rehearse(source, mailbox, known, as_json=as_json)
            return
        importer = Importer(handle, chosen, shard, found.id, known)
        stored = skipped = 0
        is_done = False
        try:
            with Meter("importing", _size(source)) as meter:
                for batch in importer.run(_items(source), mailbox):
                    stored, skipped = stored + batch.stored, skipped + batch.skipped
                    meter.add(batch.size)
            is_done = True
        finally:
            importer.close()
            if as_json:
                click.echo(to_json({"is_dry_run": False, "messages": stored, "left_out": skipped, "is_done": is_done}))
            elif stored or is_done:
                click.echo(f"imported {stored} messages" + (f", left out {skipped}" if skipped else ""))


def _rehearse(source: Path, mailbox: str, known: Known | None, *, as_json: bool) -> None:
    counts: Counter[str] = Counter()
    octets = skipped = 0
    with Meter("reading", _size(source)) as meter:
        for item in _items(source):
            meter.add(item.size)
            if known is not None and not known.is_new(item.raw):
                skipped += 1
                continue
            name = item.mailbox or mailbox
            if name not in counts:
                mailbox_names.parse(name)
            counts[name] += 1
            octets += len(item.raw)
    if as_json:
        total = {"is_dry_run": True, "messages": counts.total(), "bytes": octets, "left_out": skipped}
        click.echo(to_json({**total, "mailboxes": dict(sorted(counts.items()))}))
        return
    for name, count in sorted(counts.items()):
        click.echo(visible(f"{name}: {count} messages"))
    left_out = f", leave out {skipped}" if skipped else ""
    click.echo(f"would import {counts.total()} messages, {format_size(octets)}{left_out}")


def _items(source: Path) -> Iterator[Item]:
    with _named(source):
        if source.is_dir() and maildir.is_maildir(source):
            yield from maildir.read(source)
        elif source.is_dir():
            for path in _mboxes(source):
                name = mbox.path_of(str(path.relative_to(source)))
                for item in _of_mbox(path):
                    yield replace(item, mailbox=name)
        else:
            yield from _of_mbox(source)


@contextmanager
def _named(source: Path) -> Iterator[None]:
    """What can't be read is the admin's to mend."""
    try:
        yield
    except OSError as error:
        raise InvalidValue(f"{error.filename or source}: {error.strerror}") from error


def _of_mbox(path: Path) -> Iterator[Item]:
    with path.open("rb") as stream:
        _require_mbox(path, stream)
        yield from mbox.read(stream, str(path))


def _require_mbox(path: Path, stream: BinaryIO) -> None:
    first = stream.read(len(mbox.FROM))
    if first and not mbox.is_mbox(first):
        raise InvalidValue(f"{path} is no mbox: it does not begin with From", "name an mbox or a Maildir")
    stream.seek(0)


def _mboxes(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob(f"*{mbox.SUFFIX}") if path.is_file())
    if not found:
        raise InvalidValue(f"{folder} is neither a Maildir nor a folder with files {mbox.SUFFIX}")
    return found


def _size(source: Path) -> int:
    with _named(source):
        if not source.is_dir():
            return source.stat().st_size
        if maildir.is_maildir(source):
            return maildir.size(source)
        return sum(path.stat().st_size for path in _mboxes(source))
