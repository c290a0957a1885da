"""`mda init`: from nothing to a system, and again without change."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mda import settings
from mda.cli.init import conf_folder, fill, template
from mda.metadata.schema import migrate
from tests.unit.cli.conftest import PROGRAM, System

HEAD = migrate.newest()


@pytest.fixture
def fresh(tmp_path: Path) -> System:
    return System(tmp_path / "etc" / "mda.toml", tmp_path / "data")


def init(system: System, database_url: str) -> tuple[str, ...]:
    return ("init", "--data-dir", str(system.data_dir), "--database-url", database_url)


def test_first_run_makes_everything_and_says_so(fresh: System, database_url: str) -> None:
    result = fresh.run(*init(fresh, database_url))
    assert result.exit_code == 0, result.output
    assert f"wrote {fresh.file}" in result.stdout
    assert f"made {fresh.data_dir}" in result.stdout
    assert f"schema at {HEAD}" in result.stdout
    assert f"shard first: file://{fresh.data_dir}/shards/first" in result.stdout
    assert "mda domain add example.org" in result.stderr
    assert f"explained: {conf_folder()}" in result.stderr
    loaded = settings.load(fresh.file, {})
    assert (loaded.data_dir, loaded.database.url) == (str(fresh.data_dir), database_url)
    assert (fresh.data_dir / "shards" / "first" / "shard").is_file()


def test_what_it_makes_is_closed_to_others(fresh: System, database_url: str) -> None:
    fresh.done(*init(fresh, database_url))
    modes = {
        path: stat.S_IMODE(path.stat().st_mode) for path in (fresh.file, fresh.data_dir, fresh.data_dir / "shards")
    }
    assert modes[fresh.file] & 0o027 == 0, "the settings may hold a password"
    assert modes[fresh.data_dir] == 0o711, "the socket must be reached, nothing listed"
    assert modes[fresh.data_dir / "shards"] & 0o077 == 0


def test_second_run_changes_nothing(fresh: System, database_url: str) -> None:
    fresh.done(*init(fresh, database_url))
    fresh.file.write_text(fresh.file.read_text() + "# mine\n")
    before = fresh.file.read_text()
    again = fresh.run("init")
    assert again.exit_code == 0
    assert "wrote" not in again.stdout
    assert "made" not in again.stdout
    assert fresh.file.read_text() == before
    fresh.done(*init(fresh, database_url))


def test_schema_is_brought_up_to_date(fresh: System, database_url: str) -> None:
    fresh.done(*init(fresh, database_url))
    fresh.done("db", "downgrade", "base", "--yes")
    assert fresh.run("db", "status").exit_code == 1
    assert f"schema brought from none to {HEAD}" in fresh.done("init")
    assert fresh.run("db", "status").exit_code == 0


def test_option_that_contradicts_the_file_is_refused(system: System, tmp_path: Path) -> None:
    error = system.refused("init", "--data-dir", str(tmp_path / "other"))
    assert f"data_dir is {system.data_dir} in {system.file}; change it there" in error
    assert "database.url is set otherwise" in system.refused("init", "--database-url", "postgresql://other/mda")


def test_wrong_url_writes_no_file(fresh: System) -> None:
    assert (
        "only postgresql:// is supported"
        in fresh.run("init", "--data-dir", str(fresh.data_dir), "--database-url", "mysql://x/y").stderr
    )
    assert not fresh.file.exists()


def test_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    error = System(blocker / "mda.toml", tmp_path).run("init", "--data-dir", str(tmp_path / "d")).stderr
    assert f"mda: {blocker}: " in error
    assert "keep it elsewhere: mda --config FILE init --data-dir DIR" in error
    error = System(tmp_path / "x.toml", tmp_path).refused("init", "--data-dir", str(blocker / "d"))
    assert "choose another with --data-dir" in error


def test_shard_that_is_not_mounted_is_not_made_anew(anne: System) -> None:
    shutil.move(anne.data_dir / "shards" / "first", anne.data_dir / "away")
    anne.done("init")
    assert not (anne.data_dir / "shards" / "first").exists()


def test_shard_of_an_interrupted_run_is_made(system: System) -> None:
    shutil.rmtree(system.data_dir / "shards" / "first")
    system.done("init")
    assert (system.data_dir / "shards" / "first" / "shard").is_file()


@pytest.mark.parametrize("value", ["/plain", '/with "quotes"', "/back\\slash\\1", "/zażółć", "/new\nline"])
def test_template_takes_any_path(tmp_path: Path, value: str) -> None:
    file = tmp_path / "mda.toml"
    file.write_text(fill(template(), data_dir=value, url=None))
    assert settings.load(file, {}).data_dir == value


def test_what_it_points_to_is_there() -> None:
    names = ("mda.toml", "postfix/main.cf", "postfix/master.cf", "systemd/mda.service", "systemd/mda.socket")
    assert all((conf_folder() / name).is_file() for name in names)


def test_embedded_database_from_nothing_by_real_processes() -> None:
    """Outside pytest's own folder: root lends the server to a user who can't enter that one."""
    folder = Path(tempfile.mkdtemp(prefix="mda-init-"))
    folder.chmod(0o755)
    try:
        environment = {**os.environ, "MDA_CONFIG": str(folder / "mda.toml")}

        def run(*arguments: str) -> str:
            done = subprocess.run([*PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert f"database: embedded, schema brought from none to {HEAD}" in run(
            "init", "--data-dir", str(folder / "data")
        )
        run("domain", "add", "example.org")
        assert run("domain", "list").split("\t")[0] == "example.org"
        assert not (folder / "data" / "pg" / "postmaster.pid").exists(), "the last to leave stops the server"
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def mistyped() -> Iterator[System]:
    """Settings that name a data folder beside one that has an embedded database."""
    folder = Path(tempfile.mkdtemp(prefix="mda-"))  # not below pytest's own, which nobody but us may enter
    folder.chmod(0o755)
    system = System(folder / "mda.toml", folder / "mail")
    system.file.write_text(f'data_dir = "{folder}/mail"')
    system.done("init")
    system.file.write_text(f'data_dir = "{folder}/mial"')
    yield system
    shutil.rmtree(folder)


def test_mistyped_data_dir_makes_no_second_database(mistyped: System) -> None:
    wrong = mistyped.data_dir.with_name("mial")
    for words in (("db", "upgrade"), ("db", "status"), ("account", "list"), ("domain", "add", "example.org")):
        said = mistyped.refused(*words)
        assert f"there is no database in {wrong}; there is one in {mistyped.data_dir}: correct data_dir" in said
    no = mistyped.run("init", answer="n\n")
    assert (no.exit_code, f"but one in {mistyped.data_dir}" in no.stderr) == (1, True)
    assert mistyped.run("init", answer="").exit_code == 1
    assert not wrong.exists()
    assert "schema brought from none" in mistyped.done("init", "--yes")
    assert mistyped.done("init", answer="")


def test_first_set_up_is_not_asked_about(mistyped: System) -> None:
    """Of another settings file, with its own folder; and where no other database is near."""
    other = mistyped.file.with_name("other.toml")
    made = System(other, mistyped.data_dir.with_name("other"))
    assert "schema brought from none" in made.done("init", "--data-dir", str(made.data_dir), answer="")
    lonely = mistyped.file.with_name("lonely.toml")
    lonely.write_text(f'data_dir = "{mistyped.file.parent}/below/data"')
    assert "schema brought from none" in System(lonely, lonely).done("init", answer="")
