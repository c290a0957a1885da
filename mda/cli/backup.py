"""`mda backup` and `mda restore`."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.options import AddressType, FolderType, NumberType
from mda.cli.progress import Meter
from mda.cli.text import visible
from mda.errors import InvalidValue
from mda.identifiers import format_id, parse_id
from mda.logs import configure
from mda.maintenance import backup as backups
from mda.maintenance import manifest, shards
from mda.maintenance.manifest import Manifest
from mda.maintenance.restore import restore_all
from mda.maintenance.restore_account import AccountBackup
from mda.metadata.directory import accounts
from mda.metadata.mailbox import imported
from mda.metadata.postgresql.opened import Handle, created
from mda.metadata.postgresql.readiness import fit_to_serve
from mda.metadata.schema import migrate
from mda.metadata.schema.words import Flag
from mda.settings import Settings
from mda.sizes import format_size
from mda.transfer.importing import Importer
from mda.transfer.item import Item

folder_argument = click.argument("folder", metavar="FOLDER", type=FolderType())


@click.command()
@folder_argument
@click.option("--keep", "keeps", metavar="NUMBER", type=NumberType(1), help="Forget all but so many backups.")
@click.pass_obj
def backup(config: Path | None, folder: Path, keeps: int | None) -> None:
    """Back everything up into a folder, beside deliveries.

    What the folder has from earlier backups is not copied again: sealed segments never change. So interrupted, it goes
    on when it is run again. The database is in it as the shards' checkpoints.

    \b
    $ mda backup /backup/mda --keep 14
    """
    chosen = settings.load(config)
    configure(chosen.log)
    count = octets = 0
    with fit_to_serve(chosen) as handle:
        found = shards.all_shards(handle)
        with Meter("copying", backups.missing_bytes(found, folder)) as meter:
            for step in backups.back_up(handle, chosen, found, folder, meter.add):
                if isinstance(step, Manifest):
                    meter.say(f"backup {format_id(step.id)}: copied {count} segments, {format_size(octets)}")
                else:
                    count, octets = count + 1, octets + step.bytes
    if keeps is not None:
        click.echo(f"removed {backups.prune(folder, keeps)} segments of older backups")


@click.command()
@folder_argument
@click.option("--list", "lists", is_flag=True, help="Only list the backups.")
@click.option("--at", "wanted", metavar="BACKUP", help="This backup. Default: the newest.")
@click.option("--account", "address", metavar="ACCOUNT", type=AddressType(), help="Only this account's mail.")
@click.option("--mailbox", "path", metavar="MAILBOX", help="Of the account, only this mailbox.")
@click.option("--message", "name", metavar="ID", help="Of the account, only this message.")
@click.option("--into", type=FolderType(), help="Where shards are made. Default: data_dir.")
@click.pass_obj
def restore(
    config: Path | None,
    folder: Path,
    lists: bool,
    wanted: str | None,
    address: Address | None,
    path: str | None,
    name: str | None,
    into: Path | None,
) -> None:
    """Restore everything, or one account's mail, as a backup has it.

    Everything: into an empty database and new shards. One account, mailbox or message: what is missing comes back into
    the running store, with its flags; nothing that is there is changed.

    \b
    $ mda restore /backup/mda --list
    $ mda restore /backup/mda --at 0caab7654c6db63e
    $ mda restore /backup/mda --account anne@example.org --mailbox Work
    """
    if lists:
        manifest.find(folder, None)
        for one in manifest.read_all(folder):
            segments = sum(len(copy.segments) for copy in one.shards)
            click.echo(f"{format_id(one.id)}\t{one.made_at:%Y-%m-%dT%H:%M:%SZ}\t{segments} segments")
        return
    if address is None and (path is not None or name is not None):
        raise InvalidValue("--mailbox and --message are of an account", "name it with --account")
    chosen = settings.load(config)
    configure(chosen.log)
    found = manifest.find(folder, wanted)
    if address is None:
        _restore_all(chosen, folder, found, into)
    else:
        with fit_to_serve(chosen) as handle:
            count, known = _restore_account(
                handle, chosen, AccountBackup(folder, found, str(address.key)), address, path, name
            )
        click.echo(f"restored {count} messages; {known} were there")


def _restore_all(chosen: Settings, folder: Path, found: Manifest, into: Path | None) -> None:
    place = (into or Path(chosen.data_dir) / "shards").resolve()
    count = 0
    with created(chosen) as handle:
        migrate.upgrade(handle)
        for account in restore_all(handle, chosen, folder, found, place):
            count += account.by_checkpoint + account.by_commit + account.unclaimed
            click.echo(visible(f"{account.address}: {account.by_checkpoint + account.by_commit} messages"))
    click.echo(f"restored {count} messages as of {found.made_at:%Y-%m-%d %H:%M:%SZ}")


def _restore_account(
    handle: Handle, chosen: Settings, source: AccountBackup, address: Address, path: str | None, name: str | None
) -> tuple[int, int]:
    """How many came back, and how many were there."""
    found = accounts.find(handle, address)
    content_id = _content_id(name)
    (shard,) = shards.named(handle, found.shard)
    importer = Importer(handle, chosen, shard, found.id, skips_existing=False)
    counts = {"stored": 0, "known": 0}
    known: dict[str, set[bytes]] = {}

    def missing() -> Iterator[Item]:
        for kept in source.messages(path, content_id):
            if kept.path not in known:
                known[kept.path] = imported.digests_in(handle, found.id, kept.path)
            digest = hashlib.sha256(kept.raw).digest()
            if digest in known[kept.path]:
                counts["known"] += 1
                continue
            known[kept.path].add(digest)
            yield Item(
                kept.raw,
                kept.row["internal_date"],
                Flag(kept.row.get("flags", 0)),
                tuple(kept.row.get("keywords", ())),
                kept.path,
                kept.prefix,
                kept.forged_spans,
                kept.delivered_size,
            )

    try:
        for batch in importer.run(missing(), path or "INBOX"):
            counts["stored"] += batch.stored
    finally:
        importer.close()
    return counts["stored"], counts["known"]


def _content_id(name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return parse_id(name)
    except ValueError as error:
        raise InvalidValue(
            f"{name!r} is not a message's id", "it has 16 digits, as the log and --json give it"
        ) from error
