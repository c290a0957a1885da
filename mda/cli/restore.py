"""`mda restore`: a backup into an empty store, or what is missing of an account into the running one."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.options import AddressType, FolderType
from mda.cli.progress import Meter, amount
from mda.cli.table import to_json
from mda.cli.text import visible
from mda.errors import InvalidValue
from mda.identifiers import format_id, parse_id
from mda.logs import configure
from mda.maintenance import manifest, shards
from mda.maintenance.manifest import Manifest
from mda.maintenance.restore import PASSES, restore_all
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


@click.command()
@click.argument("folder", metavar="FOLDER", type=FolderType())
@click.option("--list", "lists", is_flag=True, help="Only list the backups.")
@click.option("--at", "wanted", metavar="BACKUP", help="This backup. Default: the newest.")
@click.option("--account", "address", metavar="ACCOUNT", type=AddressType(), help="Only this account's mail.")
@click.option("--mailbox", "path", metavar="MAILBOX", help="Of the account, only this mailbox.")
@click.option("--message", "name", metavar="ID", help="Of the account, only this message.")
@click.option("--into", type=FolderType(), help="Where shards are made. Default: data_dir.")
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Say what would come back, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; of --list, one JSON array.")
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
    is_rehearsal: bool,
    as_json: bool,
) -> None:
    """Restore everything, or one account's mail, as a backup has it.

    Everything: into an empty database and new shards. One account, mailbox or message: what is missing comes back into
    the running store, with its flags; nothing that is there is changed. Interrupted, it goes on when it is run again.

    \b
    $ mda restore /backup/mda --list
    $ mda restore /backup/mda --at 0caab7654c6db63e
    $ mda restore /backup/mda --account anne@example.org --mailbox Work --dry-run
    """
    if lists:
        _list(folder, as_json=as_json)
        return
    if address is None and (path is not None or name is not None):
        raise InvalidValue("--mailbox and --message are of an account", "name it with --account")
    chosen = settings.load(config)
    configure(chosen.log)
    found = manifest.find(folder, wanted)
    if address is not None:
        with fit_to_serve(chosen) as handle:
            with Meter("looking", _octets(found)) as meter:
                source = AccountBackup(folder, found, str(address.key), meter.add)
            count, known = _restore_account(handle, chosen, source, address, path, name, is_rehearsal)
        if as_json:
            click.echo(to_json({**_named(found), "is_dry_run": is_rehearsal, "messages": count, "known": known}))
        else:
            click.echo(f"{'would restore' if is_rehearsal else 'restored'} {count} messages; {known} were there")
        return
    place = (into or Path(chosen.data_dir) / "shards").resolve()
    if is_rehearsal:
        _rehearse(found, place, as_json=as_json)
    else:
        _restore_all(chosen, folder, found, place, as_json=as_json)


def _named(found: Manifest) -> dict[str, object]:
    return {
        "id": format_id(found.id),
        "made_at": f"{found.made_at:%Y-%m-%dT%H:%M:%SZ}",
        "segments": sum(len(copy.segments) for copy in found.shards),
        "bytes": _octets(found),
    }


def _octets(found: Manifest) -> int:
    return sum(length for copy in found.shards for length in copy.segments.values())


def _list(folder: Path, *, as_json: bool) -> None:
    manifest.find(folder, None)
    found = [_named(one) for one in manifest.read_all(folder)]
    if as_json:
        click.echo(to_json(found))
    else:
        for one in found:
            click.echo(f"{one['id']}\t{one['made_at']}\t{one['segments']} segments")


def _rehearse(found: Manifest, place: Path, *, as_json: bool) -> None:
    """What a backup of everything would bring, as its manifest has it."""
    if as_json:
        shards_of = [{"name": copy.name, "place": str(place / copy.name)} for copy in found.shards]
        click.echo(to_json({**_named(found), "is_dry_run": True, "shards": shards_of}))
        return
    for copy in found.shards:
        size = format_size(sum(copy.segments.values()))
        click.echo(visible(f"would restore {len(copy.segments)} segments, {size}, into {place / copy.name}"))


def _restore_all(chosen: Settings, folder: Path, found: Manifest, place: Path, *, as_json: bool) -> None:
    count = owners = 0
    with created(chosen) as handle, Meter("restoring", PASSES * _octets(found)) as meter:
        migrate.upgrade(handle)
        for account in restore_all(handle, chosen, folder, found, place, meter.add):
            owners, count = owners + 1, count + account.by_checkpoint + account.by_commit + account.unclaimed
            if not as_json:
                meter.say(visible(f"{account.address}: {account.by_checkpoint + account.by_commit} messages"))
    if as_json:
        click.echo(to_json({**_named(found), "is_dry_run": False, "accounts": owners, "messages": count}))
    else:
        click.echo(f"restored {count} messages as of {found.made_at:%Y-%m-%d %H:%M:%SZ}")


def _restore_account(
    handle: Handle,
    chosen: Settings,
    source: AccountBackup,
    address: Address,
    path: str | None,
    name: str | None,
    is_rehearsal: bool,
) -> tuple[int, int]:
    """How many came back, or would, and how many were there."""
    found = accounts.find(handle, address)
    content_id = _content_id(name)
    (shard,) = shards.named(handle, found.shard)
    counts = {"stored": 0, "known": 0}
    known: dict[str, set[bytes]] = {}

    def missing(meter: Meter) -> Iterator[Item]:
        for kept in source.messages(path, content_id):
            meter.add(1)
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

    verb, total = "comparing" if is_rehearsal else "restoring", source.count(path, content_id)
    with Meter(verb, total, amount("messages")) as meter:
        if is_rehearsal:
            return sum(1 for _ in missing(meter)), counts["known"]
        importer = Importer(handle, chosen, shard, found.id)
        try:
            for batch in importer.run(missing(meter), path or "INBOX"):
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
