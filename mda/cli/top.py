"""`mda top`: the running service as it works, redrawn every few seconds until Ctrl-C."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mda import settings
from mda.cli import figures
from mda.cli.options import NumberType, SecondsType
from mda.cli.stats import milliseconds
from mda.cli.text import visible
from mda.errors import Conflict, MdaError
from mda.metadata.delivery import traces
from mda.metadata.postgresql.opened import Handle, opened
from mda.metrics import families
from mda.metrics.merged import Series, difference
from mda.sizes import format_size

BUSIEST = 5
BUSIEST_SECONDS = 60


@click.command()
@click.option(
    "--interval", metavar="SECONDS", type=SecondsType(0.2), default=2.0, show_default=True, help="Between frames."
)
@click.option("--frames", metavar="NUMBER", type=NumberType(1), help="End after so many; otherwise at Ctrl-C.")
@click.pass_obj
def top(config: Path | None, interval: float, frames: int | None) -> None:
    """Watch the running service.

    Rates, stage times and batch sizes are of the last interval; the busiest accounts of the last minute. Ends at
    Ctrl-C.

    \b
    $ mda top
    $ mda top --interval 10
    """
    if not sys.stdout.isatty():
        raise Conflict("standard output is no terminal", "use mda stats")
    loaded = settings.load(config)
    before, began = figures.fetch(loaded), time.monotonic()
    with opened(loaded) as handle, Live(Text("collecting ..."), screen=frames is None, auto_refresh=False) as live:
        number = 0
        while frames is None or number < frames:
            time.sleep(interval)
            after, now = figures.fetch(loaded), time.monotonic()
            live.update(view(after, difference(after, before), now - began, busiest(handle)), refresh=True)
            before, began, number = after, now, number + 1


def view(now: Sequence[Series], delta: Sequence[Series], seconds: float, accounts: Sequence[tuple[str, int]]) -> Group:
    return Group(_state(now), Text(), _rates(delta, seconds), Text(), _stages(delta), Text(), _accounts(accounts))


def busiest(handle: Handle) -> list[tuple[str, int]]:
    """Accounts by copies in the last minute, as the trace has them; none while the database is away."""
    since = datetime.now(UTC) - timedelta(seconds=BUSIEST_SECONDS)
    try:
        entries = traces.recent(handle, since)
    except MdaError:
        return []
    counts = Counter(copy.account for entry in entries for copy in entry.copies if copy.account)
    return counts.most_common(BUSIEST)


def _state(now: Sequence[Series]) -> Text:
    total = figures.total
    line = Text("mda", style="bold")
    line.append(f"  {datetime.now():%H:%M:%S}", style="not bold")
    line.append(
        f"  workers {total(now, families.WORKERS, 'ready'):.0f}/{total(now, families.WORKERS_WANTED):.0f}"
        f"  connections {total(now, families.CONNECTIONS):.0f}"
        f"  memory {format_size(int(total(now, families.RESIDENT_BYTES)))}",
        style="not bold",
    )
    for one in now:
        if one.family in (families.DATABASE_UP, families.SHARD_UP) and not one.value:
            name = one.labels[0] if one.labels else "database"
            line.append(f"  {visible(name)} DOWN", style="bold red")
    for one in now:
        if one.family is families.SHARD_FREE:
            line.append(f"\n{visible(one.labels[0])}: {format_size(int(one.value))} free", style="not bold")
    return line


def _rates(delta: Sequence[Series], seconds: float) -> Table:
    table = _table(("a second", "left"), ("", "right"))
    results = figures.by_label(delta, families.DELIVERIES, 0)
    for result in ("delivered", "redelivered", "rejected", "deferred"):
        table.add_row(result, f"{results.get(result, 0) / seconds:.1f}")
    for cause, count in figures.by_label(delta, families.DELIVERIES).items():
        if cause:
            table.add_row(f"  {cause}", f"{count / seconds:.1f}")
    for cause, count in figures.by_label(delta, families.RECIPIENTS).items():
        if cause:
            table.add_row(f"  RCPT {cause}", f"{count / seconds:.1f}")
    failures = figures.total(delta, families.APPEND_FAILURES) + figures.total(delta, families.COMMIT_FAILURES)
    table.add_row("batches failed", f"{failures / seconds:.1f}")
    errors = sum(figures.total(delta, families.LOG_LINES, level) for level in ("error", "critical"))
    table.add_row("errors logged", f"{errors / seconds:.1f}")
    return table


def _stages(delta: Sequence[Series]) -> Table:
    table = _table(("stage", "left"), ("times", "right"), ("median", "right"), ("99 %", "right"), ("batch", "right"))
    for stage in figures.stages(delta):
        batch = "" if stage.batch is None else f"{stage.batch:.1f}"
        row = (f"{stage.count:.0f}", milliseconds(stage.median), milliseconds(stage.slow), batch)
        table.add_row(visible(stage.name), *row)
    return table


def _accounts(accounts: Sequence[tuple[str, int]]) -> Table:
    table = _table(("busiest accounts, last minute", "left"), ("copies", "right"))
    for account, count in accounts:
        table.add_row(visible(account), str(count))
    return table


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold underline")
    for heading, justify in columns:
        table.add_column(heading, justify="right" if justify == "right" else "left", no_wrap=True, overflow="ellipsis")
    return table
