"""`mda check`: the whole set-up looked over, with what each finding means and the line that mends it."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import click

from mda import settings
from mda.checks import everything
from mda.checks.finding import Finding, Level
from mda.cli import findings
from mda.cli.table import to_json
from mda.cli.text import visible
from mda.errors import SettingsError

INDENT = 18
"""Where a finding's text begins."""

COLOURS = {Level.OK: "green", Level.SKIPPED: "cyan", Level.WARNING: "yellow", Level.ERROR: "red"}


@click.command()
@click.option(
    "--postfix-config",
    "folder",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of Postfix's main.cf. Default: the one that postconf uses.",
)
@click.option("--no-postfix", "skips_postfix", is_flag=True, help="Do not look at Postfix.")
@click.option("--quiet", "-q", "is_quiet", is_flag=True, help="Only warnings and errors.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_context
def check(ctx: click.Context, folder: Path | None, skips_postfix: bool, is_quiet: bool, as_json: bool) -> None:
    """Look over settings, database, shards, spam filter and Postfix.

    Changes nothing. Says for each finding what follows from it and the line that mends it. Exits with 0 when all is
    well, 1 with warnings, 2 with errors.

    \b
    $ mda check
    $ mda check --quiet || mail -s "mda check" root
    $ mda check --json | jq '.[] | select(.level == "error")'
    """
    if settings.refuses_colour():
        ctx.color = False
    found: list[Finding] = []
    try:
        loaded = settings.load(ctx.obj)
    except SettingsError as trouble:
        found.append(findings.unreadable(trouble))
    else:
        file = settings.locate(ctx.obj)
        found.extend(everything.check(loaded, file, folder, asks_postfix=not skips_postfix))
    shown = [one for one in found if not is_quiet or one.level in (Level.WARNING, Level.ERROR)]
    if as_json:
        click.echo(to_json([findings.document(one) for one in shown]))
    else:
        _say(shown, found)
    ctx.exit(findings.exit_status(found))


def _say(shown: Sequence[Finding], found: Sequence[Finding]) -> None:
    for one in shown:
        # Padded before it is coloured: the escapes have no width.
        level = click.style(f"{one.level:<8}", fg=COLOURS[one.level])
        click.echo(f"{level}{one.area:<9} {_folded(one.text, INDENT)}")
        if one.consequence:
            click.echo(f"{'':{INDENT}}so: {_folded(one.consequence, INDENT + 4)}")
        if one.remedy:  # never folded: it is there to be copied
            click.echo(f"{'':{INDENT}}do: {visible(one.remedy)}")
    count = {level: sum(one.level is level for one in found) for level in Level}
    line = f"{_counted(count[Level.ERROR], 'error')}, {_counted(count[Level.WARNING], 'warning')}"
    click.echo(line, err=not sys.stdout.isatty())


def _folded(text: str, indent: int) -> str:
    """In the window, if there is one; lines in a pipe stay whole."""
    safe = visible(text)
    if not sys.stdout.isatty():
        return safe
    width = max(shutil.get_terminal_size().columns, 60) - indent
    return f"\n{'':{indent}}".join(textwrap.wrap(safe, width, break_long_words=False, break_on_hyphens=False))


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
