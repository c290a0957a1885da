"""The version before the newest migration and this one, side by side on one database under load: the schema goes up
beneath the old workers, which are restarted on it, new ones come beside them, the old ones leave; no mail is refused,
deferred, lost or stored twice.

The old version is the last commit before the newest migration, taken from this repository's history and built here.
"""

import configparser
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import pytest

from mda.metadata.schema.migrate import newest
from tests.integration.instance import Instance
from tests.integration.senders import ACCOUNTS, Sender

ROOT = Path(__file__).parents[2]
SENDERS = 2
ALONE_SECONDS = 2.0
BESIDE_SECONDS = 5.0
RESTART_SECONDS = 30


def git(*words: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def old_version() -> Iterator[Path]:
    """A folder with the old version's package, its C core built."""
    if not (ROOT / ".git").exists():
        pytest.skip("no history here")
    (file,) = (ROOT / "migrations/versions").glob(f"{newest()}_*.py")
    added = git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(file.relative_to(ROOT))).decode().strip()
    if not added or git("rev-parse", "--is-shallow-repository").strip() == b"true":
        pytest.skip("the newest migration's parent is not in this history")
    folder = Path(tempfile.mkdtemp(prefix="mda-old"))
    subprocess.run(["tar", "-x", "-C", folder], input=git("archive", f"{added}^"), check=True)
    built = subprocess.run([sys.executable, "cffi_build/core.py"], cwd=folder, capture_output=True, check=False)
    assert built.returncode == 0, built.stderr.decode()
    yield folder
    shutil.rmtree(folder)


def old_serve(folder: Path) -> tuple[str, ...]:
    """From its own folder: python -m looks there first. The settings' path comes last."""
    path = f"{folder}:{_missing_dependencies(folder)}"
    start = f'exec env PYTHONPATH="{path}" "{sys.executable}" -c "from mda.cli.main import main; main()"'
    return "sh", "-c", f'cd "{folder}" && {start} --config "$0" serve'


def _missing_dependencies(folder: Path) -> Path:
    """A folder with what the old version needs and this one does not."""
    configuration = configparser.ConfigParser()
    configuration.read(folder / "setup.cfg")
    wanted = configuration["options"]["install_requires"].split()
    missing = [one for one in wanted if not _is_installed(re.split("[<>=~]", one)[0])]
    target = folder / "dependencies"
    if missing:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), *missing]
        subprocess.run(command, check=True)
    return target


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


@pytest.fixture
def old(old_version: Path, database_url: str) -> Iterator[Instance]:
    """The old version, serving on its own schema."""
    instance = Instance(
        Path(tempfile.mkdtemp(prefix="mda")), database_url, serve=old_serve(old_version), workers_table="count = 2"
    )
    instance.prepare("example.org", ACCOUNTS)
    instance.mda("db", "downgrade", f"{int(newest()) - 1:04}", "--yes")
    instance.hold_socket()
    instance.start()
    yield instance
    instance.close()
    shutil.rmtree(instance.folder)


@pytest.fixture
def new(old: Instance, database_url: str) -> Iterator[Instance]:
    """This version, not started yet: the same database and shards, a data folder of its own, as on another machine."""
    instance = Instance(Path(tempfile.mkdtemp(prefix="mda")), database_url, workers_table="count = 2")
    instance.write_settings("")
    yield instance
    instance.close()
    shutil.rmtree(instance.folder)


def test_two_versions_serve_side_by_side(old: Instance, new: Instance) -> None:
    with loaded(old) as to_old:
        time.sleep(ALONE_SECONDS)
        before = sum(sender.sent for sender in to_old)
        new.mda("db", "upgrade")
        time.sleep(ALONE_SECONDS)
        assert sum(sender.sent for sender in to_old) > before, "the old version delivers into the new schema"
        restart(old)
        before = sum(sender.sent for sender in to_old)
        time.sleep(ALONE_SECONDS)
        assert sum(sender.sent for sender in to_old) > before, "the old version begins on the new schema"
        new.start()
        with loaded(new) as to_new:
            time.sleep(BESIDE_SECONDS)
            halt(to_old)
            assert old.stop() == 0
            time.sleep(ALONE_SECONDS)
    senders = (*to_old, *to_new)
    assert [failure for sender in senders for failure in sender.failures] == []
    assert all(sender.sent > 10 for sender in senders)
    stored = sum(row["used_messages"] for row in new.listing("account", "list"))
    assert stored == sum(sender.sent for sender in senders)


def restart(instance: Instance) -> None:
    """One worker dies and is replaced, then all of the service is started again; its socket stays."""
    before = instance.workers()
    os.kill(before[0], signal.SIGTERM)
    deadline = time.monotonic() + RESTART_SECONDS
    while before[0] in instance.workers() or len(instance.workers()) < len(before):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert instance.stop() == 0
    instance.start()


@contextmanager
def loaded(instance: Instance) -> Iterator[tuple[Sender, ...]]:
    """Senders at work on an instance."""
    senders = tuple(Sender(instance, id(instance) + number, threading.Event()) for number in range(SENDERS))
    for sender in senders:
        sender.start()
    try:
        yield senders
    finally:
        halt(senders)


def halt(senders: tuple[Sender, ...]) -> None:
    for sender in senders:
        sender.is_over.set()
    for sender in senders:
        sender.join()
