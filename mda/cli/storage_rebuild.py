"""`mda storage rebuild` and `checkpoint`: the database from the segments, and what in the segments that needs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from mda import settings
from mda.cli.options import json_option
from mda.cli.progress import Meter, amount
from mda.cli.table import Column, show, size_column, to_json
from mda.cli.text import visible
from mda.errors import NotFound
from mda.identifiers import IdentifierSource, format_id
from mda.logs import configure
from mda.maintenance import shards
from mda.maintenance.checkpoint import write_checkpoint
from mda.maintenance.rebuild import PASSES
from mda.maintenance.rebuild import rebuild as rebuild_database
from mda.metadata.directory import shard_loads
from mda.metadata.postgresql.opened import created
from mda.metadata.postgresql.readiness import fit_to_serve
from mda.metadata.postgresql.reading import reading
from mda.metadata.schema import migrate
from mda.settings import Settings
from mda.sizes import format_size
from mda.storage.abandoned import segments_bytes
from mda.storage.shard import Shard, read_marker

ROWS_A_MESSAGE = 2
"""Of a checkpoint: where it is, and what was found of it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A shard that a rebuild would read."""

    shard: Shard
    bytes: int


SOURCES: tuple[Column[Source], ...] = (
    Column("shard", "Shard", lambda source: source.shard.name),
    size_column("bytes", "Segments", lambda source: source.bytes),
    Column("place", "Place", lambda source: str(source.shard.root)),
)


@click.command()
@click.option("--shard", "name", metavar="NAME", help="Only this shard. Default: all.")
@json_option
@click.pass_obj
def checkpoint(config: Path | None, name: str | None, as_json: bool) -> None:
    """Write into each shard what the database knows beside the bodies.

    Accounts, passwords' hashes, addresses, mailboxes, flags: what mda storage rebuild brings back when the database is
    lost. Run it as often as you would not want to lose flags and mailboxes; mail itself is never lost. Interrupted, the
    checkpoint before stays the newest; run it again.

    \b
    $ mda storage checkpoint
    """
    chosen = settings.load(config)
    configure(chosen.log)
    written = []
    with fit_to_serve(chosen) as handle:
        wanted = shards.named(handle, name)
        with Meter("writing", _rows(chosen, wanted), amount("rows")) as meter:
            for shard in wanted:
                made = write_checkpoint(handle, shard, chosen, IdentifierSource(), meter.add)
                written.append({"shard": shard.name, "id": format_id(made.id), "rows": made.rows, "bytes": made.bytes})
                if not as_json:
                    size = format_size(made.bytes)
                    said = f"shard {shard.name}: checkpoint {format_id(made.id)}, {made.rows} rows, {size}"
                    meter.say(visible(said))
    if as_json:
        click.echo(to_json(written))


@click.command()
@click.argument(
    "folders", metavar="[FOLDER]...", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Name the shards and what they hold, and change nothing.")
@json_option
@click.pass_obj
def rebuild(config: Path | None, folders: tuple[Path, ...], is_rehearsal: bool, as_json: bool) -> None:
    """Fill an empty database from the shards' segments.

    Without folders, from all shards below the data folder. Needs the settings and the shards, and nothing else: the
    newest checkpoint brings accounts, mailboxes and flags back, commit records what came since. Mailboxes that have
    changed since the checkpoint get a new UIDVALIDITY. Interrupted, it is run again from its beginning.

    \b
    $ mda storage rebuild --dry-run
    $ mda storage rebuild /srv/shard-1 /srv/shard-2
    """
    chosen = settings.load(config)
    configure(chosen.log)
    roots = folders or tuple(sorted(path for path in (Path(chosen.data_dir) / "shards").glob("*") if path.is_dir()))
    found = [_shard(root.resolve()) for root in roots]
    if not found:
        raise NotFound(f"there are no shards in {chosen.data_dir}/shards", "name their folders")
    if is_rehearsal:
        show([Source(shard, segments_bytes(shard.root)) for shard in found], SOURCES, as_json=as_json)
        return
    accounts = []
    unclaimed = messages = missing = 0
    total = PASSES * sum(segments_bytes(shard.root) for shard in found)
    with created(chosen) as handle, Meter("rebuilding", total) as meter:
        migrate.upgrade(handle)
        for account in rebuild_database(handle, chosen, found, meter.add):
            messages += account.by_checkpoint + account.by_commit + account.unclaimed
            unclaimed += account.unclaimed
            missing += account.missing
            if as_json:
                accounts.append(asdict(account))
                continue
            meter.say(
                visible(
                    f"{account.address}: {account.by_checkpoint} messages as of the checkpoint, {account.by_commit} by"
                    f" their commit records, {account.unclaimed} without, {account.missing} without a body"
                )
            )
    if as_json:
        click.echo(to_json(accounts))
    click.echo(f"{messages} messages are back, {unclaimed} of them in INBOX only; {missing} have no body", err=True)


def _rows(chosen: Settings, wanted: Sequence[Shard]) -> int:
    """About how many: by the counters of the accounts that belong to the shards."""
    with reading(chosen) as reader:
        messages = {one.id: one.messages for one in shard_loads.loads(reader)}
    return ROWS_A_MESSAGE * sum(messages.get(one.id, 0) for one in wanted)


def _shard(root: Path) -> Shard:
    marker = read_marker(root)
    return Shard(marker[0], marker[1], root.as_uri())
