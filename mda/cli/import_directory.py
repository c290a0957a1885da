"""`mda account import` and `mda alias import`: many at once, from a CSV file or another PostgreSQL."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import click

from mda import settings
from mda.cli import import_rows
from mda.cli.import_rows import ACCOUNT_COLUMNS, ALIAS_COLUMNS, Fields, Unreadable
from mda.cli.options import json_object_option, rehearsal_option
from mda.cli.progress import Meter, amount
from mda.cli.table import to_json
from mda.cli.text import visible
from mda.identifiers import IdentifierSource
from mda.metadata.directory import bulk
from mda.metadata.directory.bulk import Outcome, Result
from mda.metadata.postgresql import foreign_query
from mda.metadata.postgresql.opened import Handle, opened
from mda.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
New = TypeVar("New")

MOST_SHOWN = 80
"""Characters of what should be an address, and may be anything."""


def _options(function: F) -> F:
    for option in (
        json_object_option,
        rehearsal_option,
        click.option("--query", metavar="SQL", help="With --from: the query; its columns are named as in the file."),
        click.option("--from", "source", metavar="URL", help="Read from this PostgreSQL instead of a file."),
        click.argument("file", metavar="[FILE]", type=click.Path(path_type=Path, allow_dash=True), required=False),
    ):
        function = option(function)
    return function


@click.command("import")
@_options
@click.pass_context
def import_accounts(
    ctx: click.Context, file: Path | None, source: str | None, query: str | None, is_rehearsal: bool, as_json: bool
) -> None:
    """Add many accounts, from a CSV file or another PostgreSQL.

    The first line names the columns: address, and where you like password_hash (an Argon2 PHC string), quota,
    messages, shard; an empty field is the domain's default. Accounts that are there already are left as they are, so
    an import that was interrupted can be run again. Exits with 1 when a row was refused.

    \b
    $ mda account import users.csv --dry-run
    $ mda account import users.csv
    $ mda account import --from postgresql://reader@db2/crm --query "SELECT mail AS address, '5GB' AS quota FROM person"
    """

    def add(handle: Handle, rows: Iterator[Any]) -> Iterable[Outcome]:
        return bulk.add_accounts(handle, IdentifierSource(), rows, is_rehearsal=is_rehearsal)

    loaded = settings.load(ctx.obj)
    with ExitStack() as stack:
        rows = _rows(stack, loaded, file, source, query, ACCOUNT_COLUMNS, ("address",))
        ctx.exit(_run(loaded, rows, import_rows.account_of, add, "account", is_rehearsal, as_json))


@click.command("import")
@_options
@click.pass_context
def import_aliases(
    ctx: click.Context, file: Path | None, source: str | None, query: str | None, is_rehearsal: bool, as_json: bool
) -> None:
    """Add many aliases, from a CSV file or another PostgreSQL.

    The first line names the columns: address (or @domain for a catch-all) and targets, parted by blanks or commas.
    Targets are added to those that an alias has, so an import that was interrupted can be run again. Exits with 1 when
    a row was refused.

    \b
    $ mda alias import aliases.csv --dry-run
    $ mda alias import --from postgresql://reader@db2/crm --query "SELECT alias AS address, mail AS targets FROM alias"
    """

    def add(handle: Handle, rows: Iterator[Any]) -> Iterable[Outcome]:
        return bulk.add_aliases(handle, rows, is_rehearsal=is_rehearsal)

    loaded = settings.load(ctx.obj)
    with ExitStack() as stack:
        rows = _rows(stack, loaded, file, source, query, ALIAS_COLUMNS, ALIAS_COLUMNS)
        ctx.exit(_run(loaded, rows, import_rows.alias_of, add, "alias", is_rehearsal, as_json))


def _rows(
    stack: ExitStack,
    loaded: Settings,
    file: Path | None,
    source: str | None,
    query: str | None,
    known: tuple[str, ...],
    needed: tuple[str, ...],
) -> Iterator[Fields]:
    if (file is None) == (source is None) or (source is None) != (query is None):
        raise click.UsageError("name a FILE, or --from together with --query")
    if source is not None and query is not None:
        found: Iterator[Fields] = foreign_query.rows(source, query, loaded.database)
    else:
        assert file is not None  # noqa: S101 - said above
        found = stack.enter_context(import_rows.csv_rows(file))
    for number, fields in enumerate(found):
        if number == 0:
            import_rows.require_columns(fields, known, needed)
        yield fields


def _run(
    loaded: Settings,
    rows: Iterator[Fields],
    understand: Callable[[Fields, str], New | Unreadable],
    add: Callable[[Handle, Iterator[Any]], Iterable[Outcome]],
    what: str,
    is_rehearsal: bool,
    as_json: bool,
) -> int:
    count: Counter[Result] = Counter()
    refused: list[dict[str, str]] = []

    def refuse(name: str, reason: str) -> None:
        count[Result.REFUSED] += 1
        if as_json:
            refused.append({"address": name, "reason": reason})
        else:
            meter.say(f"refused {visible(name)}: {visible(reason)}", err=True)

    def understood() -> Iterator[New]:
        for number, fields in enumerate(rows, 1):
            row = understand(fields, f"row {number}")
            if isinstance(row, Unreadable):
                refuse(f"row {number} ({fields.get('address', '')[:MOST_SHOWN]})", row.reason)
            else:
                yield row

    with opened(loaded) as handle, Meter("reading", form=amount("rows")) as meter:
        for outcome in add(handle, understood()):
            meter.add(1)
            if outcome.result is Result.REFUSED:
                refuse(outcome.address, outcome.reason)
            else:
                count[outcome.result] += 1
    summary = {result.value: count[result] for result in Result}
    if as_json:
        click.echo(to_json({**summary, "is_dry_run": is_rehearsal, "refusals": refused}))
    else:
        verb = "would be added" if is_rehearsal else "added"
        click.echo(
            f"{what}: {count[Result.ADDED]} {verb}, {count[Result.PRESENT]} there already,"
            f" {count[Result.REFUSED]} refused"
        )
    return 1 if count[Result.REFUSED] else 0
