"""`mda storage compact`: space of what is gone comes back."""

from datetime import UTC, datetime
from pathlib import Path

import click

from mda import settings
from mda.cli.options import NumberType
from mda.cli.progress import Meter, is_watched
from mda.cli.storage_report import Told, report, run_erasure
from mda.cli.table import Column, show, size_column, to_json
from mda.identifiers import IdentifierSource, format_id
from mda.logs import configure
from mda.maintenance import shards
from mda.maintenance.compaction import Candidate, candidates, rules_of
from mda.maintenance.compaction import compact as compact_shard
from mda.maintenance.retention import expire
from mda.metadata.postgresql.readiness import fit_to_serve

COLUMNS: tuple[Column[Candidate], ...] = (
    Column("shard", "Shard", lambda found: found.shard),
    Column("segment", "Segment", lambda found: format_id(found.segment)),
    size_column("bytes", "Size", lambda found: found.bytes),
    size_column("live_bytes", "Live", lambda found: found.live_bytes),
)


@click.command()
@click.option("--shard", "name", metavar="NAME", help="Only this shard. Default: all.")
@click.option(
    "--dead",
    "dead_percent",
    metavar="PERCENT",
    type=click.IntRange(1, 100),
    default=50,
    show_default=True,
    help="Rewrite segments of which so much is dead.",
)
@click.option(
    "--remove-after",
    "grace_seconds",
    metavar="SECONDS",
    type=NumberType(0),
    help="Keep a rewritten segment's file so long. Default: storage.removal_grace_seconds.",
)
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="List the segments to be rewritten, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; of --dry-run, one JSON array.")
@click.pass_obj
def compact(
    config: Path | None,
    name: str | None,
    dead_percent: int,
    grace_seconds: int | None,
    is_rehearsal: bool,
    as_json: bool,
) -> None:
    """Give back the space of mail that is gone.

    Ends what undelete can bring back, erases what was purged, and rewrites segments that are mostly dead. Runs beside
    deliveries, no faster than storage.maintenance_bytes_per_second; interrupted, it goes on the next time. The timer of
    conf/systemd runs it every hour.

    \b
    $ mda storage compact
    $ mda storage compact --shard first --dead 30
    $ mda storage compact --dry-run --json
    """
    chosen = settings.load(config)
    configure(chosen.log)
    rules = rules_of(chosen, dead_percent / 100, grace_seconds)
    with fit_to_serve(chosen) as handle:
        wanted = shards.named(handle, name)
        if is_rehearsal:
            show([one for shard in wanted for one in candidates(handle, shard, rules)], COLUMNS, as_json=as_json)
            return
        ended = expire(handle, IdentifierSource(), datetime.now(UTC), chosen.storage.retention_days)
        told = Told(is_quiet=as_json)
        told.line(f"expired {ended.rows} expunged messages; purged {ended.contents} contents")
        erased = run_erasure(handle, chosen, rules, told)
        dead = (one for shard in wanted for one in candidates(handle, shard, rules)) if is_watched() else ()
        with Meter("compacting", sum(one.bytes for one in dead)) as meter:
            for shard in wanted:
                report(compact_shard(handle, shard, chosen, rules, IdentifierSource(), meter.add), meter, told)
    if as_json:
        ending = {"expired": ended.rows, "purged": ended.contents, "erased": erased.done, "to_erase": erased.waiting}
        click.echo(to_json({**ending, **told.sums()}))
