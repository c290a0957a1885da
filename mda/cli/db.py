"""`mda db`: the database schema's revision."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import click

from mda import settings
from mda.cli.ask import confirm
from mda.cli.options import json_object_option, rehearsal_option, yes_option
from mda.cli.table import to_json
from mda.metadata.postgresql.opened import opened, url_and_password
from mda.metadata.postgresql.postgresql_binaries import psql_program
from mda.metadata.schema import migrate


@click.group()
def db() -> None:
    """Upgrade, downgrade or show the database schema, or open psql.

    \b
    $ mda db status
    $ mda db upgrade
    """


@db.command()
@click.argument("revision", default=migrate.HEAD)
@rehearsal_option
@json_object_option
@click.pass_obj
def upgrade(config: Path | None, revision: str, is_rehearsal: bool, as_json: bool) -> None:
    """Bring the schema to this program's revision, or to REVISION.

    The service goes on: upgrade, then restart it. A table that somebody's open transaction holds is tried again for a
    minute, so that mail does not wait behind it. Nothing to do is no error. A database is made by mda init alone.

    \b
    $ mda db upgrade
    """
    with opened(settings.load(config)) as handle:
        before = migrate.current(handle)
        steps = migrate.planned(before, revision)
        if not is_rehearsal:
            migrate.upgrade(handle, revision)
        after = migrate.current(handle)
    if as_json:
        click.echo(_document(before, after, steps, is_rehearsal=is_rehearsal))
    elif not steps:
        click.echo(f"schema is at {after} already")
    elif is_rehearsal:
        click.echo(f"would upgrade schema from {before or 'none'} by {', '.join(steps)}")
    else:
        click.echo(f"upgraded schema from {before or 'none'} to {after}")


@db.command()
@click.argument("revision")
@rehearsal_option
@json_object_option
@yes_option
@click.pass_obj
def downgrade(config: Path | None, revision: str, is_rehearsal: bool, as_json: bool, is_agreed: bool) -> None:
    """Take the schema back to REVISION; "base" removes all of it.

    What later revisions have added is lost, at "base" every account and message.

    \b
    $ mda db downgrade 0001
    """
    with opened(settings.load(config)) as handle:
        before = migrate.current(handle)
        steps = migrate.planned(before, revision, is_up=False)
        if not is_rehearsal:
            confirm(
                f"The schema goes from {before or 'none'} back to {revision}; rows of dropped tables are lost.",
                is_agreed=is_agreed,
            )
            migrate.downgrade(handle, revision)
        after = migrate.current(handle)
    if as_json:
        click.echo(_document(before, after, steps, is_rehearsal=is_rehearsal))
    elif is_rehearsal:
        click.echo(f"would downgrade schema from {before or 'none'} by {', '.join(steps) or 'nothing'}")
    else:
        click.echo(f"downgraded schema from {before or 'none'} to {after or 'none'}")


@db.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", metavar="[PSQL-OPTION]...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def psql(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Open psql on the database, also on the embedded one.

    What follows is psql's. Exits as it does.

    \b
    $ mda db psql
    $ mda db psql -c "SELECT pid, query FROM pg_stat_activity"
    """
    with opened(settings.load(ctx.obj)) as handle:
        url, password = url_and_password(handle)
        done = subprocess.run(
            [psql_program(), "-X", "-v", "ON_ERROR_STOP=1", "-d", url, *arguments],
            env=settings.environment_with(**({"PGPASSWORD": password} if password else {})),
            check=False,
        )
    ctx.exit(done.returncode)


def _document(before: str | None, after: str | None, steps: Sequence[str], *, is_rehearsal: bool) -> str:
    return to_json({"is_dry_run": is_rehearsal, "before": before, "after": after, "migrations": list(steps)})


@db.command()
@json_object_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Show the schema's revision and the one that this program needs.

    Exits with 1 where the program can't work on it. A later schema may serve this program too, while an upgrade is
    under way.

    \b
    $ mda db status
    """
    with opened(settings.load(ctx.obj)) as handle:
        found = migrate.fitness(handle)
    if as_json:
        words = {"revision": found.revision, "needed": found.needed, "is_current": found.is_current}
        click.echo(to_json(words | {"is_served": found.is_served}))
    else:
        click.echo(f"schema is at {found.revision or 'none'}, this program needs {found.needed}")
        if not found.is_current:
            click.echo("It serves this program still" if found.is_served else "Run: mda db upgrade", err=True)
    ctx.exit(0 if found.is_served else 1)
