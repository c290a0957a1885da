"""What tests of several parts share: a real PostgreSQL, and a fresh migrated database for each test that asks.

The server is the program's own embedded one, in a folder of the test run; the processes of pytest-xdist share it,
and the last to finish stops it. Works as root and as a normal user.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from psycopg2 import sql
from sqlalchemy import Engine

from mda.metadata.postgresql import embedded
from mda.metadata.postgresql.engine import connect, make_engine, parse_url
from mda.metadata.schema import migrate

RUN_FOLDER = pytest.StashKey[Path]()
TEMPLATE = "migrated"
TEMPLATE_LOCK = 0x7465_6D70
ROOM_BYTES = 1_000_000_000
DATABASE_COUNTER = iter(range(1, 1_000_000))


def pytest_configure(config: pytest.Config) -> None:
    # No time limits in tests: a busy machine is no defect.
    hypothesis.settings.register_profile("mda", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    hypothesis.settings.load_profile("mda")
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        config.stash[RUN_FOLDER] = Path(worker_input["run_folder"])
        return
    # Not below pytest's own temporary folder: that is closed to the user whom root lends to PostgreSQL.
    folder = Path(tempfile.mkdtemp(prefix="mda-test-", dir=memory_folder()))
    folder.chmod(0o755)
    config.stash[RUN_FOLDER] = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """pytest-xdist: tells each process the run's folder."""
    node.workerinput["run_folder"] = str(node.config.stash[RUN_FOLDER])  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def postgresql_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """The run's server; its database holds nothing of ours. For tests that make databases of their own."""
    with embedded.running(pytestconfig.stash[RUN_FOLDER] / "server") as url:
        yield url


@pytest.fixture(scope="session")
def template_url(postgresql_url: str) -> str:
    """The server's URL, once it has the migrated template. Whichever process comes first makes that."""
    connection = connect(postgresql_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (TEMPLATE_LOCK,))
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,))
        if cursor.fetchone() is None:
            cursor.execute("CREATE DATABASE making")
            engine = make_engine(with_database(postgresql_url, "making"))
            migrate.upgrade(engine)
            engine.dispose()
            cursor.execute(sql.SQL("ALTER DATABASE making RENAME TO {}").format(sql.Identifier(TEMPLATE)))
    connection.close()
    return postgresql_url


@pytest.fixture
def database_url(template_url: str, pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of a fresh, empty, migrated database; dropped after the test."""
    worker = getattr(pytestconfig, "workerinput", {}).get("workerid", "main")
    name = f"test_{worker}_{next(DATABASE_COUNTER)}"
    _administer(template_url, sql.SQL("CREATE DATABASE {} TEMPLATE {}"), name, TEMPLATE)
    yield with_database(template_url, name)
    _administer(template_url, sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a fresh migrated database."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def with_database(url: str, name: str) -> str:
    """The same server's database `name`."""
    return parse_url(url).set(drivername="postgresql", database=name).render_as_string(hide_password=False)


def memory_folder() -> Path | None:
    """A file system in memory with room enough: making and dropping databases then waits for no disk."""
    folder = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own in it
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    is_fit = found.f_bavail * found.f_frsize > ROOM_BYTES and not found.f_flag & os.ST_NOEXEC
    return folder if is_fit and os.access(folder, os.W_OK) else None


def _administer(url: str, statement: sql.SQL, *names: str) -> None:
    connection = connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement.format(*(sql.Identifier(name) for name in names)))
    connection.close()
