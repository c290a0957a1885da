"""`mda config`: what is set, and whether it can be used."""

import os
import shutil
import tomllib
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import click
import msgspec

from mda import settings, settings_text
from mda.checks import settings_file
from mda.checks.finding import Level
from mda.checks.site import Site
from mda.cli import findings
from mda.cli.table import to_json
from mda.cli.text import visible
from mda.errors import InvalidValue, SettingsError
from mda.metadata.postgresql.opened import masked_url
from mda.settings import Settings


@click.group()
def config() -> None:
    """Show, check or set the settings.

    \b
    $ mda config show
    $ mda --config ./mda.toml config check
    """


@config.command()
@click.option("--changed", is_flag=True, help="Only what differs from the defaults.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(config: Path | None, changed: bool, as_json: bool) -> None:
    """Show the settings in force, passwords masked.

    \b
    $ mda config show
    $ mda config show --changed
    $ mda config show --json | jq .lmtp
    """
    loaded = settings.load(config)
    defaults = dict(_flat(Settings()))
    rows = [(key, value) for key, value in _flat(loaded) if not changed or value != defaults[key]]
    if as_json:
        click.echo(to_json(_tree(rows)))
    else:
        for key, value in rows:
            click.echo(f"{key} = {_toml(value)}")


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Check the settings file: keys, values, and what they point to.

    For all else, from the database to Postfix, there is mda check. Exits as it does: with 0 when all is well, 1 with
    warnings, 2 with errors.

    \b
    $ mda config check
    $ mda config check --json | jq '.[] | select(.level == "error")'
    """
    file = settings.locate(ctx.obj)
    try:
        loaded = settings.load(ctx.obj)
    except SettingsError as trouble:
        found = [findings.unreadable(trouble)]
    else:
        found = list(settings_file.check(loaded, Site(file)))
    if as_json:
        click.echo(to_json([findings.document(one) for one in found]))
        ctx.exit(findings.exit_status(found))
    if findings.exit_status(found) < findings.EXIT_STATUS[Level.ERROR]:
        click.echo(f"{file}: settings are valid")
    for one in found:
        if one.consequence:
            click.echo(visible(f"{one.level}: {one.text}: {one.consequence}; {one.remedy}"), err=True)
    ctx.exit(findings.exit_status(found))


@config.command("set")
@click.argument("key", metavar="KEY")
@click.argument("value", metavar="VALUE")
@click.pass_obj
def set_(config: Path | None, key: str, value: str) -> None:
    """Set one key of the settings file; comments and all else of it stay.

    A value is written as in the file, quotes left out around text. Refused where the settings would not be valid. What
    runs goes by it when it is started again.

    \b
    $ mda config set delivery.receipt_days 7
    $ mda config set lmtp.trusted_users '["postfix", "nobody"]'
    """
    file = settings.locate(config)
    known = dict(_flat(Settings()))
    if key not in known:
        raise InvalidValue(f"there is no key {key}", "list them with: mda config show")
    try:
        before = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"{file} can't be read: {error}", "name another with --config, or run: mda init") from error
    _replace(file, settings_text.with_key(before, key, _value(value, known[key])))
    click.echo(f"set {key} in {file}")


def _value(text: str, default: object) -> object:
    """As TOML has it; a key that holds text takes it bare, too."""
    try:
        found = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        found = text
    return text if isinstance(default, str) and not isinstance(found, str) else found


def _replace(file: Path, text: str) -> None:
    """In one step, with the file's owner and mode, and only where the settings are valid."""
    draft = file.with_name(f".{file.name}.draft")
    known = file.stat()
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(text)
        settings.load(draft)
        shutil.copymode(file, draft)
        if os.geteuid() == 0:
            os.chown(draft, known.st_uid, known.st_gid)
        draft.replace(file)
    except SettingsError as error:
        raise InvalidValue(error.message.replace(str(draft), str(file)), error.remedy) from error
    except OSError as error:
        raise InvalidValue(f"{error.filename or file}: {error.strerror}", "run as the owner of the file") from error
    finally:
        draft.unlink(missing_ok=True)


def _flat(table: msgspec.Struct, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in table.__struct_fields__:
        value = getattr(table, name)
        if isinstance(value, msgspec.Struct):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, _plain(f"{prefix}{name}", value)


def _plain(key: str, value: Any) -> Any:
    if key == "database.url":
        return masked_url(value)
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _tree(rows: list[tuple[str, Any]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in rows:
        *tables, name = key.split(".")
        target = tree
        for table in tables:
            target = target.setdefault(table, {})
        target[name] = value
    return tree


def _toml(value: Any) -> str:
    return to_json(value).replace("\n", " ") if not isinstance(value, list) else f"[{', '.join(map(_toml, value))}]"
