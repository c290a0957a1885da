"""`mda storage check`: database against segments, and back."""

from collections import Counter
from pathlib import Path

import click

from mda import settings
from mda.cli.text import visible
from mda.errors import MdaError
from mda.logs import configure
from mda.maintenance import shards
from mda.maintenance.check import StoreCheck
from mda.maintenance.findings import Outcome
from mda.metadata.postgresql.readiness import fit_to_serve

EXIT_REPAIRED = 1
EXIT_LEFT = 2
EXIT_NOT_RUN = 3


@click.command()
@click.option("--repair", "repairs", is_flag=True, help="Mend what can be mended.")
@click.option("--restart", "restarts", is_flag=True, help="Begin anew, not where an interrupted check was.")
@click.pass_context
def check(ctx: click.Context, repairs: bool, restarts: bool) -> None:
    """Compare database and segments, both ways.

    Finds bodies that are missing, damaged or misplaced, acknowledged mail without a row, bodies that nobody was told
    of, torn segments, wrong counters and UIDs, duplicated rows; one line each. Runs beside deliveries, no faster than
    storage.maintenance_bytes_per_second; interrupted, it goes on where it was. Exits 0 when all is well, 1 when
    everything found is repaired, 2 when something is left, 3 when it could not run.

    \b
    $ mda storage check
    $ mda storage check --repair
    """
    try:
        outcomes = _run(ctx.obj, repairs=repairs, restarts=restarts)
    except MdaError as error:
        click.echo(f"mda: {visible(str(error))}", err=True)
        ctx.exit(EXIT_NOT_RUN)
    click.echo(
        f"{outcomes[Outcome.REPAIRED]} repaired, {outcomes[Outcome.FOUND]} found, {outcomes[Outcome.LEFT]} left",
        err=True,
    )
    if outcomes[Outcome.FOUND] or outcomes[Outcome.LEFT]:
        ctx.exit(EXIT_LEFT)
    ctx.exit(EXIT_REPAIRED if outcomes[Outcome.REPAIRED] else 0)


def _run(config: Path | None, *, repairs: bool, restarts: bool) -> Counter[Outcome]:
    chosen = settings.load(config)
    configure(chosen.log)
    outcomes: Counter[Outcome] = Counter()
    with fit_to_serve(chosen) as handle:
        made = StoreCheck(handle, chosen, shards.all_shards(handle), repairs=repairs)
        if restarts:
            made.forget()
        for finding in made.run():
            outcomes[finding.outcome] += 1
            click.echo(visible(f"{finding.outcome.value}: {finding.kind.value}: {finding.place}: {finding.what}"))
    return outcomes
