"""`mda storage check`: database against segments, and back."""

from collections import Counter
from pathlib import Path

import click

from mda import settings
from mda.cli.options import json_option
from mda.cli.progress import Meter
from mda.cli.table import Column, show
from mda.cli.text import visible
from mda.errors import MdaError
from mda.logs import configure
from mda.maintenance import shards
from mda.maintenance.check import StoreCheck
from mda.maintenance.findings import Finding, Outcome
from mda.metadata.postgresql.readiness import fit_to_serve
from mda.storage.abandoned import segments_bytes

EXIT_REPAIRED = 1
EXIT_LEFT = 2
EXIT_NOT_RUN = 3


COLUMNS: tuple[Column[Finding], ...] = (
    Column("outcome", "", lambda finding: finding.outcome.value),
    Column("kind", "", lambda finding: finding.kind.value),
    Column("place", "", lambda finding: finding.place),
    Column("what", "", lambda finding: finding.what),
)


@click.command()
@click.option("--repair", "repairs", is_flag=True, help="Mend what can be mended.")
@click.option("--restart", "restarts", is_flag=True, help="Begin anew, not where an interrupted check was.")
@json_option
@click.pass_context
def check(ctx: click.Context, repairs: bool, restarts: bool, as_json: bool) -> None:
    """Compare database and segments, both ways.

    Finds bodies that are missing, damaged or misplaced, acknowledged mail without a row, bodies that nobody was told
    of, torn segments, wrong counters and UIDs, duplicated rows; one line each. Runs beside deliveries, no faster than
    storage.maintenance_bytes_per_second; interrupted, it goes on where it was. Exits 0 when all is well, 1 when
    everything found is repaired, 2 when something is left, 3 when it could not run.

    \b
    $ mda storage check
    $ mda storage check --repair
    $ mda storage check --json | jq '.[] | select(.outcome == "left")'
    """
    try:
        found = _run(ctx.obj, repairs=repairs, restarts=restarts, is_told=not as_json)
    except MdaError as error:
        click.echo(f"mda: {visible(str(error))}", err=True)
        ctx.exit(EXIT_NOT_RUN)
    if as_json:
        show(found, COLUMNS, as_json=True)
    outcomes = Counter(finding.outcome for finding in found)
    click.echo(
        f"{outcomes[Outcome.REPAIRED]} repaired, {outcomes[Outcome.FOUND]} found, {outcomes[Outcome.LEFT]} left",
        err=True,
    )
    if outcomes[Outcome.FOUND] or outcomes[Outcome.LEFT]:
        ctx.exit(EXIT_LEFT)
    ctx.exit(EXIT_REPAIRED if outcomes[Outcome.REPAIRED] else 0)


def _run(config: Path | None, *, repairs: bool, restarts: bool, is_told: bool) -> list[Finding]:
    chosen = settings.load(config)
    configure(chosen.log)
    found = []
    with fit_to_serve(chosen) as handle:
        places = shards.all_shards(handle)
        with Meter("checking", sum(segments_bytes(one.root) for one in places)) as meter:
            made = StoreCheck(handle, chosen, places, repairs=repairs, watch=meter.add)
            if restarts:
                made.forget()
            for finding in made.run():
                found.append(finding)
                if is_told:
                    meter.say(visible(_line(finding)))
    return found


def _line(finding: Finding) -> str:
    return f"{finding.outcome.value}: {finding.kind.value}: {finding.place}: {finding.what}"
