"""The database opened for one admin's command: found by the settings, closed after it.

With the embedded server, a command starts it where no other process has, and stops it when it leaves as the last.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Engine, make_url

from mda.metadata.postgresql import embedded
from mda.metadata.postgresql.engine import EMBEDDED, database, make_engine
from mda.settings import Settings

Handle: TypeAlias = Engine
"""What the operations of this package take, for callers that know no SQLAlchemy."""

APPLICATION = "mda-cli"


def is_missing(settings: Settings) -> bool:
    """Whether the embedded database has yet to be made."""
    return settings.database.url == EMBEDDED and not embedded.is_made(Path(settings.data_dir))


def beside(settings: Settings) -> tuple[Path, ...]:
    """Data folders in the same folder as the one that is set that have an embedded database, where one is asked for."""
    return embedded.beside(Path(settings.data_dir)) if settings.database.url == EMBEDDED else ()


@contextmanager
def opened(settings: Settings) -> Iterator[Handle]:
    """The database, as `mda init` has made it; SettingsError where it has not been run."""
    if settings.database.url == EMBEDDED:
        embedded.require_made(Path(settings.data_dir))
    with created(settings) as handle:
        yield handle


@contextmanager
def created(settings: Settings) -> Iterator[Handle]:
    """As `opened`, and an embedded server is made where there is none."""
    with database(settings) as url:
        handle = make_engine(url, settings.database, APPLICATION)
        try:
            yield handle
        finally:
            handle.dispose()


def url_and_password(handle: Handle) -> tuple[str, str]:
    """Where it is, for PostgreSQL's own programs; the password apart, as arguments are for all to see."""
    shown = handle.url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    return shown, str(handle.url.password or "")


def host_of(handle: Handle) -> str:
    """The server's name or address, or the folder of its Unix socket; empty for the default one."""
    named = handle.url.query.get("host", handle.url.host or "")
    return named if isinstance(named, str) else named[0]


def masked_url(url: str) -> str:
    """A database URL to be shown: without its password, wherever in it that stands."""
    if url == EMBEDDED:
        return url
    parsed = make_url(url)
    query = {key: "***" if "password" in key else value for key, value in parsed.query.items()}
    return parsed.set(query=query).render_as_string(hide_password=True)
