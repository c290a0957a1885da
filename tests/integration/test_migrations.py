"""The migrations on a real PostgreSQL: up, down, up again; and what they make equals what the tables say."""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, select, text, update

from mda.errors import Conflict, DatabaseUnavailable
from mda.metadata.content.facts import COLUMNS, Facts, of_row, pack
from mda.metadata.directory.changes import WATCHED
from mda.metadata.postgresql.engine import connect, make_engine, parse_url
from mda.metadata.schema import migrate
from mda.metadata.schema.tables import METADATA, content
from mda.settings import Database

CATALOG = """
SELECT 'column', table_name || '.' || column_name, concat_ws(' ', data_type, collation_name, is_nullable,
    column_default, is_identity)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'table', relname, concat_ws(' ', relkind, reloptions::text, pg_get_partkeydef(oid))
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S', 'v', 'f')
UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'extension', extname, '' FROM pg_extension
"""
"""Everything that the schema is made of, a kind, a name and a definition each."""

MADE_BESIDE_THE_TABLES = ("alembic_version",)


OLD_CONTENT = dict.fromkeys(
    ("account_id", "id", "shard_id", "segment", "offset", "length", "size", "delivered_size", "thread_id"), 1
) | {
    "digest": bytes(32),
    "envelope": b"(NIL)",
    "body_structure": b"(NIL)",
    "structure": b"\1",
    "prefix": b"Return-Path: <>\r\n",
    "forged_spans": [10, 20, 30, 40],
    "reference_hashes": [5, -6],
    "subject_base": "x",
    "preview": "words",
    "spam_reasons": {"model": "abc", "reasons": [["subject", 17, 2.5]], "campaign": [7, 3]},
    "defects": 5,
    "original_recipient": "Anne@example.org",
    "queue_id": None,
    "received_at": datetime(2026, 1, 2, tzinfo=UTC),
}


@pytest.fixture
def empty(postgresql_url: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine on a database without any table."""
    name = f"empty_{abs(hash(request.node.nodeid)) % 10**9}"
    administer(postgresql_url, f"CREATE DATABASE {name}")
    engine = make_engine(parse_url(postgresql_url).set(database=name).render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    administer(postgresql_url, f"DROP DATABASE {name} WITH (FORCE)")


def administer(url: str, statement: str) -> None:
    connection = connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def catalog(engine: Engine) -> set[tuple[str, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(text(CATALOG)).all()
    return {tuple(row) for row in rows if not any(row[1].startswith(name) for name in MADE_BESIDE_THE_TABLES)}


def test_up_down_and_up_again(empty: Engine) -> None:
    before = catalog(empty)
    assert migrate.current(empty) is None
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.newest()
    migrate.require_served(empty)
    after = catalog(empty)
    assert len(after) > len(before) + len(METADATA.tables)
    migrate.downgrade(empty)
    assert migrate.current(empty) is None
    assert catalog(empty) == before
    with pytest.raises(Conflict, match="mda init"):
        migrate.require_served(empty)
    migrate.upgrade(empty)
    assert catalog(empty) == after


def test_the_migrated_schema_is_that_of_the_tables(empty: Engine, engine: Engine) -> None:
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []
    METADATA.create_all(empty)  # to the last index option, which alembic does not compare
    assert {row for row in catalog(engine) if row[0] != "trigger"} == catalog(empty)


def test_nothing_that_a_cluster_refuses(engine: Engine) -> None:
    found = catalog(engine)
    assert {name for kind, name, _ in found if kind == "extension"} == {"plpgsql"}
    watched = " ON public.({}) ".format("|".join(WATCHED))
    assert [row for row in found if row[0] == "trigger" and not re.search(watched, row[2])] == [], "of an account's"
    assert not [row for row in found if row[0] == "table" and row[2].startswith("S")], "a sequence"


def test_contents_of_before_the_facts_are_read_and_come_back(empty: Engine) -> None:
    """Stored by revision 0004, read after 0005; stored by 0005, unpacked on the way back to 0004."""
    migrate.upgrade(empty, "0004")
    values = {name: value for name, value in OLD_CONTENT.items() if not isinstance(value, dict)}
    with empty.begin() as connection:
        names, places = ", ".join(f'"{name}"' for name in values), ", ".join(f":{name}" for name in values)
        connection.execute(
            text(f"INSERT INTO content ({names}, spam_reasons) VALUES ({places}, CAST(:reasons AS jsonb))"),
            values | {"reasons": json.dumps(OLD_CONTENT["spam_reasons"])},
        )
    migrate.upgrade(empty)
    with empty.begin() as connection:
        found = of_row(connection.execute(select(content)).one())
        packed = update(content).values(dict.fromkeys(COLUMNS) | {"facts": pack(found)})
        connection.execute(packed)
    assert (found.prefix, found.forged_spans, found.defects) == (b"Return-Path: <>\r\n", ((10, 20), (30, 40)), 5)
    assert found.spam_reasons is not None
    assert found.spam_reasons.reasons == (("subject", 17, 2.5),)
    migrate.downgrade(empty, "0004")
    with empty.begin() as connection:
        row = connection.execute(text("SELECT * FROM content")).one()._mapping
    assert {name: bytes(row[name]) if isinstance(row[name], memoryview) else row[name] for name in OLD_CONTENT} == (
        OLD_CONTENT
    )


def test_many_contents_come_back_each_once(empty: Engine) -> None:
    """More than are unpacked at once, of several accounts."""
    migrate.upgrade(empty)
    facts = pack(Facts(b"p", b"(NIL)", "subject", b"(NIL)", "preview", b"\1"))
    required = '"offset", shard_id, segment, length, size, delivered_size, digest, received_at'
    with empty.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO content (account_id, id, {required}, facts)"
                " SELECT 7 - account, number, number, 1, 1, 1, 1, 1, '', now(), :facts"
                " FROM generate_series(1, 3) AS account, generate_series(1, 900) AS number"
            ),
            {"facts": facts},
        )
    migrate.downgrade(empty, "0004")
    with empty.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM content WHERE preview = 'preview'")) == 2700


LATER = """
revision = "9999"
down_revision = "{newest}"
branch_labels = depends_on = None
serves = "{serves}"

def upgrade() -> None: ...
def downgrade() -> None: ...
"""


@dataclass(frozen=True, slots=True)
class LaterProgram:
    """A program with one more migration than this one."""

    engine: Engine
    folder: Path
    patches: pytest.MonkeyPatch

    def upgrade(self, serves: str) -> None:
        text = LATER.format(newest=migrate.newest(), serves=serves)
        (self.folder / "versions/9999_later.py").write_text(text)
        self._run(lambda: migrate.upgrade(self.engine))

    def downgrade(self) -> None:
        newest = migrate.newest()
        self._run(lambda: migrate.downgrade(self.engine, newest))

    def _run(self, change: Callable[[], None]) -> None:
        with self.patches.context() as patch:
            patch.setattr(migrate, "script_folder", lambda: self.folder)
            change()


@pytest.fixture
def later(empty: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LaterProgram:
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.script_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    return LaterProgram(empty, folder, monkeypatch)


def test_a_program_works_on_a_later_schema_that_serves_it(empty: Engine, later: LaterProgram) -> None:
    later.upgrade(serves=migrate.newest())
    found = migrate.fitness(empty)
    assert (found.revision, found.is_current, found.is_served) == ("9999", False, True)
    migrate.require_served(empty)
    later.downgrade()
    assert migrate.fitness(empty).is_current
    later.upgrade(serves="9999")
    assert not migrate.fitness(empty).is_served
    with pytest.raises(Conflict, match="at revision 9999") as refused:
        migrate.require_served(empty)
    assert "the version that goes with it" in str(refused.value.remedy)


def test_a_schema_that_says_nothing_serves_its_own_program_alone(empty: Engine) -> None:
    migrate.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999', serves = NULL"))
    assert not migrate.fitness(empty).is_served
    with empty.begin() as connection:
        connection.execute(text("ALTER TABLE alembic_version DROP COLUMN serves"))  # as programs of before left it
    assert not migrate.fitness(empty).is_served
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert not migrate.fitness(empty).is_served


def test_the_migrations_are_one_line_of_descent() -> None:
    script = ScriptDirectory(str(migrate.script_folder()))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1
    revisions = list(script.walk_revisions())
    assert revisions
    assert all(not revision.is_merge_point and not revision.is_branch_point for revision in revisions)


def test_two_at_once_migrate_once(empty: Engine) -> None:
    others = [make_engine(empty.url.render_as_string(hide_password=False)) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate.upgrade, others))
    assert migrate.current(empty) == migrate.newest()
    for other in others:
        other.dispose()


def test_a_migration_has_no_time_limit(empty: Engine) -> None:
    """It waits here for another one that takes longer than any statement of the service may."""
    url = empty.url.render_as_string(hide_password=False)
    impatient = make_engine(url, Database(statement_timeout_seconds=1))
    with empty.connect() as other, ThreadPoolExecutor(1) as pool:
        other.execute(text("SELECT pg_advisory_lock(:key)"), {"key": migrate.LOCK_KEY})
        waiting = pool.submit(migrate.upgrade, impatient)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=1.5)
        other.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": migrate.LOCK_KEY})
        waiting.result(timeout=20)
    assert migrate.current(impatient) == migrate.newest()
    impatient.dispose()


@pytest.mark.parametrize("is_let_go", [True, False])
def test_a_migration_makes_nobody_wait_behind_it(
    is_let_go: bool, empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's open transaction on a table holds the migration up, and nobody else's statements."""
    monkeypatch.setattr(migrate, "LOCK_TRIES", 30 if is_let_go else 2)
    migrate.upgrade(empty, "0004")
    with ThreadPoolExecutor(1) as pool, empty.connect() as forgotten, empty.connect() as delivery:
        forgotten.execute(select(content.c.id).limit(1))
        migration = pool.submit(migrate.upgrade, empty)
        waits = []
        for _ in range(20):
            began = time.monotonic()
            delivery.execute(select(content.c.id).limit(1))
            delivery.rollback()
            waits.append(time.monotonic() - began)
            time.sleep(0.1)
        assert max(waits) < 5, "a try is over in a second, where the transaction is never"
        assert migrate.current(empty) == "0004"
        if is_let_go:
            forgotten.rollback()
            migration.result(60)
            assert migrate.current(empty) == migrate.newest()
        else:
            with pytest.raises(DatabaseUnavailable, match=r"in use 2 times .* process \d+ .*pg_terminate_backend"):
                migration.result(60)
            forgotten.rollback()


def test_a_constraint_is_there(engine: Engine) -> None:
    """The one thing that neither comparison proves: that PostgreSQL holds what is written."""
    with engine.connect() as connection, pytest.raises(Exception) as caught:  # noqa: PT011
        connection.execute(text("INSERT INTO shard (id, name, url, state) VALUES (1, 'a', 'file:///a', 'gone')"))
    assert isinstance(caught.value.orig, psycopg2.errors.CheckViolation)  # type: ignore[attr-defined]
