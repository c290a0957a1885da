"""Findings about the database and the shards: on a real server and real folders, and by facts that can't be made."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mda.checks import database, shards
from mda.checks.finding import Finding, Level
from mda.checks.site import Site
from mda.metadata.directory.shards import Shard, ShardState
from mda.metadata.postgresql import server_facts
from mda.metadata.postgresql.engine import make_engine
from mda.metadata.schema import migrate
from mda.settings import Database, Settings, Workers
from mda.storage import probe
from mda.storage.probe import Disk
from mda.storage.shard import create_shard

ELSEWHERE = Settings(database=Database(url="postgresql://mda@db.example.org/mda"), workers=Workers(count=2))
SETTINGS = Settings(workers=Workers(count=2))
DISK = Disk(10**12, 2 * 10**12, 10**6, "ext4", 0.001, 0.0)


def bad(findings: list[Finding]) -> dict[str, Level]:
    for one in findings:
        assert bool(one.consequence) == bool(one.remedy) == (one.level in (Level.WARNING, Level.ERROR)), one
    return {one.name: one.level for one in findings if one.consequence}


def test_a_good_database_has_nothing_wrong(engine: Engine) -> None:
    found = list(database.check(engine, SETTINGS, Site()))
    assert bad(found) == {}
    assert [one.name for one in found] == ["database.server", "database.schema"]
    assert found[0].text.startswith("PostgreSQL 1")


def test_an_old_schema_is_an_error(engine: Engine) -> None:
    migrate.downgrade(engine, "0001")
    assert bad(list(database.check(engine, SETTINGS, Site()))) == {"database.schema": Level.ERROR}


def test_a_later_schema_is_a_warning_where_it_serves_this_program(engine: Engine) -> None:
    later = "UPDATE alembic_version SET version_num = '9999', serves = :serves"
    for serves, level in ((migrate.newest(), Level.WARNING), ("9999", Level.ERROR)):
        with engine.begin() as connection:
            connection.execute(text(later), {"serves": serves})
        assert bad(list(database.check(engine, SETTINGS, Site()))) == {"database.schema": level}


def test_a_database_that_is_down_is_an_error() -> None:
    engine = make_engine("postgresql://mda:secret@127.0.0.1:1/mda", Database())
    found = list(database.check(engine, SETTINGS, Site()))
    assert bad(found) == {"database.reachable": Level.ERROR}
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("changed", "name", "level"),
    [
        ({"major": 14}, "database.version", Level.ERROR),
        ({"encoding": "SQL_ASCII"}, "database.encoding", Level.ERROR),
        ({"is_standby": True}, "database.primary", Level.ERROR),
        ({"syncs": False}, "database.fsync", Level.ERROR),
        ({"writes_full_pages": False}, "database.full_page_writes", Level.ERROR),
        ({"has_checksums": False}, "database.data_checksums", Level.WARNING),
        ({"collation_version": "2.31", "collation_actual": "2.36"}, "database.collation", Level.WARNING),
        ({"most_connections": 20}, "database.max_connections", Level.WARNING),
        ({"connections": 99, "most_connections": 100}, "database.connections", Level.WARNING),
        ({"clock_ahead_seconds": -60.0}, "database.clock", Level.WARNING),
        ({"oldest_transaction_seconds": 9000.0}, "database.long_transaction", Level.WARNING),
    ],
)
def test_facts_that_are_wrong(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], name: str, level: Level
) -> None:
    facts = replace(server_facts.read(engine), **changed)  # type: ignore[arg-type]
    monkeypatch.setattr(database, "read", lambda _: facts)
    assert bad(list(database.check(engine, SETTINGS, Site()))) == {name: level}


LARGE = {"size_bytes": 10**10, "most_wal_bytes": 4 << 30, "wal_compression": "lz4", "buffers_bytes": 1 << 30}


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({}, None),
        ({"buffers_bytes": 128 << 20}, "database.shared_buffers"),
        ({"buffers_bytes": 128 << 20, "size_bytes": 10**9}, None),
        ({"most_wal_bytes": 1 << 30}, "database.max_wal_size"),
        ({"wal_compression": "off", "has_lz4": True}, "database.wal_compression"),
        ({"wal_compression": "pglz", "has_lz4": True}, "database.wal_compression"),
        ({"wal_compression": "zstd", "has_lz4": True}, None),
        ({"wal_compression": "off", "has_lz4": False}, None),
    ],
)
def test_a_large_database_wants_more_than_a_server_takes_by_itself(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], name: str | None
) -> None:
    facts = replace(server_facts.read(engine), **{**LARGE, **changed})  # type: ignore[arg-type]
    monkeypatch.setattr(database, "read", lambda _: facts)
    assert bad(list(database.check(engine, ELSEWHERE, Site()))) == ({name: Level.WARNING} if name else {})
    assert bad(list(database.check(engine, SETTINGS, Site()))) == {}, "the embedded server sees to it itself"


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    root = tmp_path / "first"
    create_shard(root, 7, "first")
    return Shard(7, "first", root.as_uri())


def test_a_good_shard_and_nothing_left_in_it(shard: Shard, tmp_path: Path) -> None:
    found = list(shards.check([shard], SETTINGS, Site()))
    assert [one.name for one in found if one.name == "shard.disk"] == ["shard.disk"]
    assert "fdatasync/s" in found[0].text
    assert [one.name for one in (tmp_path / "first").iterdir()] == ["shard"]


def test_a_shard_that_is_not_mounted(shard: Shard, tmp_path: Path) -> None:
    (tmp_path / "first" / "shard").unlink()
    found = list(shards.check([shard], SETTINGS, Site()))
    assert bad(found) == {"shard.folder": Level.ERROR}
    assert "mount the disk" in found[0].remedy


def test_a_shard_that_can_not_be_written(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Disk:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shards, "probe", refuse)  # root may write anywhere
    assert bad(list(shards.check([shard], SETTINGS, Site()))) == {"shard.writable": Level.ERROR}


def test_no_shard_takes_accounts(shard: Shard) -> None:
    closed = replace(shard, state=ShardState.READONLY)
    found = list(shards.check([closed], SETTINGS, Site()))
    assert bad(found) == {"shard.active": Level.ERROR}
    assert "fdatasync" not in found[1].text  # a shard that is only read is not written by a check either


@pytest.mark.parametrize(
    ("changed", "name", "level"),
    [
        ({"free_bytes": 10**8}, "shard.space", Level.ERROR),
        ({"free_bytes": 10**9}, "shard.space", Level.WARNING),
        ({"free_files": 100}, "shard.files", Level.WARNING),
        ({"kind": "tmpfs"}, "shard.file_system", Level.WARNING),
        ({"kind": "nfs4"}, "shard.file_system", Level.WARNING),
        ({"sync_seconds": 0.2}, "shard.speed", Level.WARNING),
        ({"clock_ahead_seconds": 30.0}, "shard.clock", Level.WARNING),
    ],
)
def test_disks_that_will_not_do(
    shard: Shard, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], name: str, level: Level
) -> None:
    monkeypatch.setattr(shards, "probe", lambda *_, **__: replace(DISK, **changed))  # type: ignore[arg-type]
    assert bad(list(shards.check([shard], SETTINGS, Site()))) == {name: level}


def test_replicas_on_the_same_disk_are_told(shard: Shard, tmp_path: Path) -> None:
    create_shard(tmp_path / "second", 8, "second")
    both = [shard, Shard(8, "second", (tmp_path / "second").as_uri())]
    assert bad(list(shards.check(both, SETTINGS, Site()))) == {}
    assert bad(list(shards.check(both, SETTINGS, Site(), [(7, 8)]))) == {"shard.replicas": Level.WARNING}
    elsewhere = [shard, Shard(8, "second", Path("/proc").as_uri())]
    assert "shard.replicas" not in bad(list(shards.check(elsewhere, SETTINGS, Site(), [(7, 8)])))


def test_probe_names_the_file_system(tmp_path: Path) -> None:
    assert probe.probe(tmp_path).kind
    assert probe.probe(Path("/proc"), writes=False).kind == "proc"
    assert probe.probe(tmp_path, writes=False).sync_seconds is None
