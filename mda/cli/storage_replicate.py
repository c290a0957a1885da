"""`mda storage replicate`: bodies that are not yet on their account's second shard."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import click

from mda import settings
from mda.cli.options import SecondsType, json_object_option
from mda.cli.progress import Meter, is_watched
from mda.cli.table import to_json
from mda.cli.text import visible
from mda.identifiers import IdentifierSource
from mda.logs import configure
from mda.maintenance.replication import Copied, LeftOut, Replicator
from mda.metadata.mailbox import replicas
from mda.metadata.mailbox.replicas import Due
from mda.metadata.postgresql.readiness import fit_to_serve
from mda.sizes import format_size

SLACK_SECONDS = 600
"""Ids are drawn before their rows are committed: what came so long before the last look is looked at again."""

WHOLE_SECONDS = 3600
"""How often `--watch` looks at everything."""

EXIT_LEFT_OUT = 1

_IDS_PER_SECOND = 1000 << 22


@click.command()
@click.option("--watch", "seconds", metavar="SECONDS", type=SecondsType(0.1), help="Go on, so often.")
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Say how much is to be copied, and copy nothing.")
@json_object_option
@click.pass_context
def replicate(ctx: click.Context, seconds: float | None, is_rehearsal: bool, as_json: bool) -> None:
    """Copy bodies that their account's second shard lacks.

    Mail of before the account had one, mail that came with delivery.replicas = "behind", and what a repair has led
    away. Runs beside deliveries; interrupted, it goes on the next time. Exits 1 where something could not be copied:
    an account whose shard can't be written, a message that can't be read.

    \b
    $ mda storage replicate --dry-run
    $ mda storage replicate --watch 5
    """
    if seconds is not None and (is_rehearsal or as_json):
        raise click.UsageError("--watch goes on for ever; --dry-run and --json are of one run")
    chosen = settings.load(ctx.obj)
    configure(chosen.log)
    with fit_to_serve(chosen) as handle:
        if is_rehearsal:
            _tell_due(replicas.due(handle), as_json=as_json)
            return
        replicator = Replicator(handle, chosen)
        try:
            octets = replicas.due(handle).bytes if is_watched() else 0
            left = _tell(_watched(replicator.run(), octets), as_json=as_json)
            if seconds is not None:
                _go_on(replicator, seconds)
        finally:
            replicator.close()
    if left:
        ctx.exit(EXIT_LEFT_OUT)


def _watched(copying: Iterable[Copied | LeftOut], octets: int) -> list[Copied | LeftOut]:
    steps = []
    with Meter("copying", octets) as meter:
        for step in copying:
            steps.append(step)
            meter.add(step.bytes if isinstance(step, Copied) else 0)
    return steps


def _go_on(replicator: Replicator, seconds: float) -> None:
    identifiers = IdentifierSource()
    whole_at = time.monotonic()
    since = identifiers.next() - SLACK_SECONDS * _IDS_PER_SECOND
    while True:
        time.sleep(seconds)
        now = identifiers.next()
        is_whole = time.monotonic() - whole_at > WHOLE_SECONDS
        steps = list(replicator.run(0 if is_whole else since))
        if steps:
            _tell(steps)
        since = now - SLACK_SECONDS * _IDS_PER_SECOND
        if is_whole:
            whole_at = time.monotonic()


def _tell_due(due: Due, *, as_json: bool) -> None:
    if as_json:
        click.echo(to_json({"is_dry_run": True, **asdict(due)}))
        return
    if due.away:
        click.echo(f"would bring {due.away} messages back to their first shard")
    click.echo(f"would copy {due.messages} messages of {due.accounts} accounts, {format_size(due.bytes)}")


def _tell(steps: Sequence[Copied | LeftOut], *, as_json: bool = False) -> bool:
    """Whether something is left."""
    done = [step for step in steps if isinstance(step, Copied)]
    left = [step for step in steps if isinstance(step, LeftOut)]
    copied = [step for step in done if not step.is_home]
    home = sum(step.messages for step in done if step.is_home)
    unreadable = sum(step.unreadable for step in done)
    owners = len({step.account_id for step in copied})
    messages, octets = sum(step.messages for step in copied), sum(step.bytes for step in copied)
    if as_json:
        counts = {"messages": messages, "bytes": octets, "accounts": owners, "home": home, "unreadable": unreadable}
        click.echo(to_json({"is_dry_run": False, **counts, "left_accounts": len(left)}))
    else:
        if home:
            click.echo(f"brought {home} messages back to their first shard")
        click.echo(f"copied {messages} messages of {owners} accounts, {format_size(octets)}")
    if unreadable:
        click.echo(f"{unreadable} messages can't be read: mda storage check --repair", err=True)
    if left:
        click.echo(visible(f"{len(left)} accounts are left out: {left[0].why}"), err=True)
    return bool(unreadable or left)
