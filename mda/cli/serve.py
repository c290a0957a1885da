"""`mda serve`: the resident service, in the foreground."""

from pathlib import Path

import click

from mda import settings
from mda.metadata.postgresql.readiness import fit_or_down
from mda.servers import supervisor


@click.command()
@click.pass_context
def serve(ctx: click.Context) -> None:
    """Run the delivery service.

    Stays in the foreground. SIGTERM ends open deliveries and exits; SIGHUP reads the settings again.

    \b
    $ mda serve
    $ mda --config ./mda.toml serve
    """
    config: Path | None = ctx.obj
    ctx.exit(supervisor.serve(lambda: settings.load(config), fit_or_down))
