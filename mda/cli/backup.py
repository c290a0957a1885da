"""`mda backup`: everything into a folder."""

from pathlib import Path

import click

from mda import settings
from mda.cli.options import FolderType, NumberType, json_object_option, rehearsal_option
from mda.cli.progress import Meter
from mda.cli.table import to_json
from mda.identifiers import format_id
from mda.logs import configure
from mda.maintenance import backup as backups
from mda.maintenance import manifest, shards
from mda.maintenance.manifest import Manifest
from mda.metadata.postgresql.readiness import fit_to_serve
from mda.sizes import format_size


@click.command()
@click.argument("folder", metavar="FOLDER", type=FolderType())
@click.option("--keep", "keeps", metavar="NUMBER", type=NumberType(1), help="Forget all but so many backups.")
@rehearsal_option
@json_object_option
@click.pass_obj
def backup(config: Path | None, folder: Path, keeps: int | None, is_rehearsal: bool, as_json: bool) -> None:
    """Back everything up into a folder, beside deliveries.

    What the folder has from earlier backups is not copied again: sealed segments never change. So interrupted, it goes
    on when it is run again. The database is in it as the shards' checkpoints.

    \b
    $ mda backup /backup/mda --keep 14
    $ mda backup /backup/mda --keep 14 --dry-run
    """
    chosen = settings.load(config)
    configure(chosen.log)
    count = octets = made = 0
    with fit_to_serve(chosen) as handle:
        found = shards.all_shards(handle)
        missing = backups.missing_bytes(found, folder)
        if is_rehearsal:
            _rehearse(folder, keeps, missing, as_json=as_json)
            return
        with Meter("copying", missing) as meter:
            for step in backups.back_up(handle, chosen, found, folder, meter.add):
                if isinstance(step, Manifest):
                    made = step.id
                else:
                    count, octets = count + 1, octets + step.bytes
    if not as_json:
        click.echo(f"backup {format_id(made)}: copied {count} segments, {format_size(octets)}")
    removed = None if keeps is None else backups.prune(folder, keeps)
    if as_json:
        click.echo(
            to_json(
                {"id": format_id(made), "copied_segments": count, "copied_bytes": octets, "removed_segments": removed}
            )
        )
    elif removed is not None:
        click.echo(f"removed {removed} segments of older backups")


def _rehearse(folder: Path, keeps: int | None, missing: int, *, as_json: bool) -> None:
    known = len(manifest.read_all(folder))
    forgotten = 0 if keeps is None else max(known + 1 - keeps, 0)
    if as_json:
        click.echo(to_json({"is_dry_run": True, "bytes": missing, "forgotten_backups": forgotten}))
        return
    click.echo(f"would copy about {format_size(missing)}")
    if keeps is not None:
        click.echo(f"would forget {forgotten} of {known} older backups")
