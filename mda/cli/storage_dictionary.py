"""`mda storage train-dictionary`: what a shard's mails have in common, kept once."""

from pathlib import Path

import click

from mda import settings
from mda.cli.options import NumberType
from mda.logs import configure
from mda.maintenance import shards
from mda.maintenance.dictionary import train_for
from mda.metadata.postgresql.readiness import fit_to_serve


@click.command("train-dictionary")
@click.option("--shard", "name", metavar="NAME", help="Only this shard. Default: all, each of its own mail.")
@click.option(
    "--samples",
    metavar="NUMBER",
    type=NumberType(100),
    default=5000,
    show_default=True,
    help="Take so many of its messages.",
)
@click.pass_obj
def train_dictionary(config: Path | None, name: str | None, samples: int) -> None:
    """Train a zstd dictionary of a shard's mail, for what it stores from then on.

    Small mails take about two thirds of the space then. Workers use it from their next start; what is stored already
    is compressed anew when it is compacted or moved. Dictionaries are kept with the shard for as long as a record may
    need them.

    \b
    $ mda storage train-dictionary
    """
    chosen = settings.load(config)
    configure(chosen.log)
    with fit_to_serve(chosen) as handle:
        for shard in shards.named(handle, name):
            made = train_for(handle, shard, samples)
            click.echo(
                f"shard {shard.name}: dictionary {made.id} of {made.samples} messages; others of them take"
                f" {made.with_dictionary / max(made.raw, 1):.0%} of their size, {made.without / max(made.raw, 1):.0%}"
                " without"
            )
