"""`mda stats`: the running service's figures, once."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from mda import settings
from mda.cli import figures
from mda.cli.options import json_option
from mda.cli.table import to_json
from mda.metrics import families
from mda.metrics.merged import Series
from mda.sizes import format_size


@click.command()
@json_option
@click.pass_obj
def stats(config: Path | None, as_json: bool) -> None:
    """Show the running service's figures.

    Counted since it was started, over all workers. What they mean stands in docs/operations.md; mda top shows them
    as they change.

    \b
    $ mda stats
    $ mda stats --json | jq '.[] | select(.name == "mda_delivery_seconds")'
    """
    found = figures.fetch(settings.load(config))
    if as_json:
        click.echo(to_json([figures.plain(one) for one in found]))
        return
    for line in lines(found):
        click.echo(line)


def lines(found: Sequence[Series]) -> Iterator[str]:
    started = figures.total(found, families.START_TIME)
    up = f", up {_duration(time.time() - started)}" if started else ""
    ready, wanted = figures.total(found, families.WORKERS, "ready"), figures.total(found, families.WORKERS_WANTED)
    yield f"workers      {ready:.0f} of {wanted:.0f} ready{up}, {figures.total(found, families.WORKER_DEATHS):.0f} died"
    yield f"connections  {figures.total(found, families.CONNECTIONS):.0f} open"
    yield f"memory       {format_size(int(figures.total(found, families.RESIDENT_BYTES)))}"
    for one in found:
        if one.family is families.DATABASE_UP:
            yield f"database     {'up' if one.value else 'DOWN'}"
        elif one.family is families.SHARD_FREE:
            yield f"shard        {one.labels[0]}: {format_size(int(one.value))} free"
        elif one.family is families.SHARD_UP and not one.value:
            yield f"shard        {one.labels[0]}: DOWN"
    yield from _counts("deliveries", figures.by_label(found, families.DELIVERIES, 0))
    yield from _counts("refusals", {k: v for k, v in figures.by_label(found, families.DELIVERIES).items() if k})
    yield from _counts("at RCPT", {k or "accepted": v for k, v in figures.by_label(found, families.RECIPIENTS).items()})
    yield from _counts("verdicts", figures.by_label(found, families.VERDICTS))
    yield from _counts("log lines", figures.by_label(found, families.LOG_LINES))
    yield ""
    yield f"{'stage':24}{'times':>10}{'median':>12}{'99 %':>12}{'batch':>8}"
    for stage in figures.stages(found):
        batch = "" if stage.batch is None else f"{stage.batch:.1f}"
        yield (
            f"{stage.name[:23]:24}{stage.count:10.0f}{milliseconds(stage.median):>12}{milliseconds(stage.slow):>12}"
            f"{batch:>8}"
        )


def milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.2f} ms"


def _counts(name: str, counts: dict[str, float]) -> Iterator[str]:
    for number, (label, count) in enumerate(counts.items()):
        yield f"{'' if number else name:13}{count:.0f} {label}"


def _duration(seconds: float) -> str:
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86_400
    if minutes < 2:
        return f"{seconds:.0f} seconds"
    return f"{days:.0f} days" if days >= 2 else f"{hours:.0f} hours" if hours >= 2 else f"{minutes:.0f} minutes"
