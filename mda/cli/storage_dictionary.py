"""`mda storage train-dictionary`: what a shard's mails have in common, kept once."""

from dataclasses import asdict
from pathlib import Path

import click

from mda import settings
from mda.cli.options import NumberType, json_option
from mda.cli.progress import Meter, amount
from mda.cli.table import to_json
from mda.cli.text import visible
from mda.errors import NotFound
from mda.logs import configure
from mda.maintenance import shards
from mda.maintenance.dictionary import Trained, train_for
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
@json_option
@click.pass_obj
def train_dictionary(config: Path | None, name: str | None, samples: int, as_json: bool) -> None:
    """Train a zstd dictionary of a shard's mail, for what it stores from then on.

    Small mails take about two thirds of the space then. Workers use it from their next start; what is stored already
    is compressed anew when it is compacted or moved. Dictionaries are kept with the shard for as long as a record may
    need them. Shards without mail are named and passed over. Interrupted, it begins anew with the shard it was at.

    \b
    $ mda storage train-dictionary
    """
    chosen = settings.load(config)
    configure(chosen.log)
    made: list[tuple[str, Trained]] = []
    empties: list[NotFound] = []
    with fit_to_serve(chosen) as handle:
        for shard in shards.named(handle, name):
            # One a shard: how many of the samples a small one has, nobody knows before.
            with Meter(f"reading shard {shard.name}", samples, amount("messages")) as meter:
                try:
                    made.append((shard.name, train_for(handle, shard, samples, meter.add)))
                except NotFound as error:
                    empties.append(error)
                    continue
                if not as_json:
                    meter.say(visible(_line(*made[-1])))
    if as_json:
        click.echo(to_json([{"shard": shard_name, **asdict(one)} for shard_name, one in made]))
    if empties and not made:
        raise empties[0]
    for one in empties:
        click.echo(visible(f"mda: {one.message}"), err=True)


def _line(shard_name: str, made: Trained) -> str:
    with_it, without = made.with_dictionary / max(made.raw, 1), made.without / max(made.raw, 1)
    return (
        f"shard {shard_name}: dictionary {made.id} of {made.samples} messages; others of them take {with_it:.0%} of"
        f" their size, {without:.0%} without"
    )
