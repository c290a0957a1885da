"""`mda init`: from nothing to a system that takes mail, in steps that each look first whether they are done.

    settings file -> data folder -> database and schema -> first shard

Run again it changes nothing but the schema, which it brings to this program's revision.
"""

import json
import os
import re
from pathlib import Path

import click

import mda
from mda import settings
from mda.cli.ask import confirm
from mda.cli.options import FolderType, yes_option
from mda.cli.text import say
from mda.errors import Conflict, SettingsError
from mda.identifiers import IdentifierSource
from mda.metadata.directory import accounts, shards
from mda.metadata.directory.shards import Shard
from mda.metadata.postgresql.engine import check_durability, check_server, parse_url
from mda.metadata.postgresql.opened import Handle, beside, created, is_missing, masked_url
from mda.metadata.schema import migrate
from mda.settings import Settings
from mda.storage.dictionaries import install_base
from mda.storage.shard import create_shard, shard_root

FIRST_SHARD = "first"


@click.command()
@click.option("--data-dir", metavar="DIR", type=FolderType(), help="Folder for everything that is kept.")
@click.option(
    "--database-url", metavar="URL", help="PostgreSQL to use. Default: an embedded one under the data folder."
)
@yes_option
@click.pass_obj
def init(config: Path | None, data_dir: Path | None, database_url: str | None, is_agreed: bool) -> None:
    """Prepare settings, database and first shard.

    Writes a settings file where there is none, makes the data folder, starts the embedded PostgreSQL (or uses
    database.url), brings the schema up to date and makes the first shard. Run it again after each upgrade. Asks where a
    settings file that is there would have a database made beside another one: data_dir may be mistyped.

    \b
    $ mda init
    $ mda --config ./mda.toml init --data-dir ./data
    $ mda init --database-url postgresql://mda@db1/mda
    """
    file = settings.locate(config)
    wanted = data_dir.resolve() if data_dir else None
    is_first = not file.exists()
    if is_first:
        _make_folder(wanted or Path(Settings().data_dir))
        _write_settings(file, wanted, database_url)
    loaded = settings.load(file)
    _require_same(file, loaded, wanted, database_url)
    if not is_first and is_missing(loaded) and (near := beside(loaded)):
        confirm(
            f"There is no database in {loaded.data_dir} (data_dir in {file}), but one in {near[0]}."
            " A new, empty one will be made.",
            is_agreed=is_agreed,
        )
    _make_folder(Path(loaded.data_dir))
    with created(loaded) as handle:
        _prepare_database(handle, loaded)
        first = _first_shard(handle, loaded)
    say(f"shard {first.name}: {first.url}")
    _say_next(config)


def conf_folder() -> Path:
    """conf/ with the documented settings, Postfix's fragments and the units: of an installed package or a checkout."""
    package = Path(mda.__file__).parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"


def template() -> str:
    """conf/mda.toml."""
    return (conf_folder() / "mda.toml").read_text()


def fill(text: str, **values: str | None) -> str:
    """The template with some of its commented keys set; names of keys are unique in it."""
    for key, value in values.items():
        if value is not None:
            # A TOML basic string takes JSON's escapes; in the replacement, a backslash stands for itself doubled.
            written = json.dumps(value, ensure_ascii=False).replace("\\", r"\\")
            text, count = re.subn(rf"^#{key} = .*$", f"{key} = {written}", text, count=1, flags=re.MULTILINE)
            if not count:  # pragma: no cover - a mistake in the template
                raise SettingsError(f"the settings template has no key {key}", "install mda again")
    return text


def _write_settings(file: Path, data_dir: Path | None, database_url: str | None) -> None:
    if database_url is not None:
        parse_url(database_url)
    text = fill(template(), data_dir=str(data_dir) if data_dir else None, url=database_url)
    try:
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        # Exclusive: another init at this moment keeps its file. 0640: a database URL may hold a password.
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w") as stream:
            stream.write(text)
    except OSError as error:
        raise SettingsError(
            f"{error.filename}: {error.strerror}",
            "run as root, or keep it elsewhere: mda --config FILE init --data-dir DIR",
        ) from error
    click.echo(f"settings: wrote {file}")


def _require_same(file: Path, loaded: Settings, data_dir: Path | None, database_url: str | None) -> None:
    """An option that contradicts the file would be forgotten by the next command."""
    if data_dir is not None and data_dir != Path(loaded.data_dir):
        raise Conflict(f"data_dir is {loaded.data_dir} in {file}", "change it there, or leave --data-dir out")
    if database_url is not None and database_url != loaded.database.url:
        raise Conflict(f"database.url is set otherwise for {file}", "change it there, or leave --database-url out")


def _make_folder(folder: Path) -> None:
    """Others may pass through to the LMTP socket, but not look around; an existing folder is left as it is."""
    if folder.is_dir():
        return
    try:
        folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        folder.chmod(0o711)
    except OSError as error:
        raise SettingsError(f"{folder}: {error.strerror}", "run as root, or choose another with --data-dir") from error
    click.echo(f"data folder: made {folder}")


def _prepare_database(handle: Handle, loaded: Settings) -> None:
    check_server(handle)
    check_durability(handle)
    before = migrate.current(handle)
    migrate.upgrade(handle)
    after = migrate.current(handle)
    done = f"schema at {after}" if before == after else f"schema brought from {before or 'none'} to {after}"
    click.echo(f"database: {masked_url(loaded.database.url)}, {done}")


def _first_shard(handle: Handle, loaded: Settings) -> Shard:
    known = shards.list_all(handle)
    if not known:
        root = Path(loaded.data_dir) / "shards" / FIRST_SHARD
        known = (shards.add(handle, IdentifierSource(), FIRST_SHARD, root.as_uri()),)
    first = known[0]
    # A missing folder is made only while nothing can be in it; later it is a disk that is not mounted.
    if not shard_root(first.url).exists() and not accounts.list_all(handle):
        create_shard(shard_root(first.url), first.id, first.name)
        install_base(shard_root(first.url))
    return first


def _say_next(config: Path | None) -> None:
    mda_command = f"mda --config {config}" if config else "mda"
    click.echo("Next:", err=True)
    for step in ("domain add example.org", "account add anne@example.org", "serve"):
        click.echo(f"  {mda_command} {step}", err=True)
    click.echo(f"Lines for Postfix and units for systemd, explained: {conf_folder()}", err=True)
