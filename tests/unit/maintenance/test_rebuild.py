"""An empty database filled from the segments alone: with a checkpoint, with commit records only, and with neither."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from mda.address import parse
from mda.identifiers import IdentifierSource
from mda.maintenance import checkpoint, shards
from mda.metadata.checkpoint import load
from mda.metadata.directory import accounts
from mda.storage.encode import Encoder
from mda.storage.record import Target
from mda.storage.writer import SegmentWriter
from tests.unit.cli.conftest import System
from tests.unit.maintenance.conftest import age_seals, shard_root
from tests.unit.maintenance.store import ANNE, bodies, deliver, stored
from tests.unit.metadata.rows import assert_sums
from tests.unit.storage.conftest import RECEIVED_AT

RAWS = bodies(10)


@pytest.fixture
def store(anne: System) -> System:
    deliver(anne, RAWS)
    anne.done("mailbox", "create", ANNE, "Work/2026")
    anne.done("message", "move", ANNE, "INBOX:9", "Work/2026")
    anne.done("message", "expunge", ANNE, "INBOX:10")
    return anne


def lose_database(engine: Engine) -> None:
    """Every row of every table, and the tables."""
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))


def snapshot(engine: Engine, *tables: str) -> dict[str, list[Any]]:
    found = {}
    with engine.begin() as connection:
        for table in tables:
            rows = connection.execute(text(f"SELECT * FROM {table}")).all()
            plain = ([bytes(one) if isinstance(one, memoryview) else one for one in row] for row in rows)
            found[table] = sorted(map(repr, plain))
    return found


def mailboxes(system: System, address: str = ANNE) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in system.listed("mailbox", "list", address)}


def rebuild(system: System) -> str:
    return system.done("storage", "rebuild")


def test_as_of_the_checkpoint(store: System, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE message SET flags = 5, keywords = '{$Work,a b}' WHERE uid = 3"))
        connection.execute(text("UPDATE account SET password_hash = 'x'"))
        connection.execute(text("UPDATE mailbox SET unseen_count = unseen_count - 1 WHERE name = 'INBOX'"))
    store.done("alias", "add", "info@example.org", ANNE)
    store.done("quota", "set", ANNE, "--size", "1GB", "--warn", "80")
    store.done("quota", "set", "--domain", "example.org", "--size", "10GB", "--grace", "5")
    store.done("storage", "checkpoint")
    tables = ("message", "expunged", "content", "domain", "domain_quota", "account", "address", "shard")
    before = snapshot(engine, *tables)
    boxes = mailboxes(store)
    lose_database(engine)
    assert f"{ANNE}: 10 messages as of the checkpoint, 0 by" in rebuild(store)
    after_rows = snapshot(engine, *tables)
    for table, rows in before.items():
        assert after_rows[table] == rows, table
    after = mailboxes(store)
    for name, box in boxes.items():
        assert after[name] | {"uid_next": 0} == box | {"uid_next": 0}, "the same UIDVALIDITY"
        assert after[name]["uid_next"] >= box["uid_next"] + 1000, "a UID given out since would not come again"
    assert stored(store) == {uid: RAWS[uid - 1] for uid in range(1, 9)}
    assert store.done("undelete", ANNE).startswith("restored INBOX:")
    assert store.run("storage", "check").exit_code == 0
    assert_sums(engine, accounts.find(engine, parse(ANNE)).id)


def test_what_came_since_the_checkpoint_has_its_uids(store: System, engine: Engine) -> None:
    store.done("storage", "checkpoint")
    more = bodies(5, seed=2)
    deliver(store, more)
    boxes = mailboxes(store)
    lose_database(engine)
    assert f"{ANNE}: 10 messages as of the checkpoint, 5 by their commit records, 0 without" in rebuild(store)
    after = mailboxes(store)
    assert after["INBOX"]["uid_validity"] > max(box["uid_validity"] for box in boxes.values())
    assert after["Work/2026"]["uid_validity"] == boxes["Work/2026"]["uid_validity"]
    alive = {uid: RAWS[uid - 1] for uid in range(1, 9)} | dict(enumerate(more, 11))
    assert stored(store) == alive
    deliver(store, [b"Subject: new\r\n\r\n"])
    assert max(stored(store)) == 16
    assert store.run("storage", "check").exit_code == 0


def test_without_any_checkpoint(store: System, engine: Engine) -> None:
    inbox = mailboxes(store)["INBOX"]
    lose_database(engine)
    told = rebuild(store)
    (account,) = store.listed("account", "list")
    assert account["address"].endswith("@rebuilt.invalid")
    assert f"{account['address']}: 0 messages as of the checkpoint, 10 by their commit records" in told
    store.done("domain", "add", "example.org")
    store.done("account", "rename", account["address"], ANNE)
    assert stored(store) == dict(enumerate(RAWS, 1)), "committed mail under its UIDs"
    assert mailboxes(store)["INBOX"]["uid_validity"] > inbox["uid_validity"]
    assert store.run("storage", "check").exit_code == 0


def test_uncommitted_come_once_per_receipt(anne: System, engine: Engine) -> None:

    deliver(anne, RAWS[:2])
    (shard,) = shards.all_shards(engine)
    account_id = accounts.find(engine, parse(ANNE)).id
    writer = SegmentWriter(shard, IdentifierSource())
    for receipt in (b"r" * 16, b"r" * 16, b"s" * 16, bytes(16), bytes(16)):
        target = Target(account_id, IdentifierSource().next(), receipt)
        writer.append([Encoder().encode_message(b"x", received_at=RECEIVED_AT, reverse_path="", targets=(target,))])
    writer.close()
    anne.done("storage", "checkpoint")
    lose_database(engine)
    assert f"{ANNE}: 2 messages as of the checkpoint, 0 by their commit records, 4 without" in rebuild(anne)
    assert sorted(stored(anne).values()) == sorted([*RAWS[:2], b"x", b"x", b"x", b"x"])


def test_purged_mail_and_accounts_stay_gone(store: System, engine: Engine) -> None:
    store.done("account", "add", "bob@example.org")
    store.done("deliver", "-f", "", "bob@example.org", answer=b"Subject: gone\r\n\r\n")
    store.done("storage", "checkpoint")
    store.done("message", "purge", ANNE, "INBOX:4", "--yes")
    store.done("account", "delete", "bob@example.org", "--purge", "--yes")
    lose_database(engine)
    rebuild(store)
    assert [one["address"] for one in store.listed("account", "list")] == [ANNE]
    assert sorted(stored(store)) == [1, 2, 3, 5, 6, 7, 8]
    assert store.run("storage", "check").exit_code == 0


def test_after_compaction_and_an_interrupted_checkpoint(store: System, engine: Engine) -> None:

    store.done("storage", "checkpoint")
    (shard,) = shards.all_shards(engine)
    parts = checkpoint._parts(IdentifierSource().next(), iter([b'{"table":"domain","row":{"name":"x.test"}}']))
    whole = next(parts)[0]
    writer = SegmentWriter(shard, IdentifierSource())

    writer.append([Encoder().encode_checkpoint(b"\n".join(whole.split(b"\n")[:-2]), made_at=RECEIVED_AT)])
    writer.close()
    store.done("message", "expunge", ANNE, *(f"INBOX:{uid}" for uid in range(1, 8)))
    store.done("account", "retention", ANNE, "0")
    age_seals(shard_root(store))
    for _ in range(2):
        store.done("storage", "compact", "--remove-after", "0", "--dead", "1")
        age_seals(shard_root(store))
    lose_database(engine)
    rebuild(store)
    assert stored(store) == {8: RAWS[7]}
    assert store.listed("domain", "list")[0]["name"] == "example.org"


def test_what_scripts_read(store: System, engine: Engine) -> None:
    (written,) = store.listed("storage", "checkpoint")
    assert (written["shard"], len(written["id"])) == ("first", 16)
    lose_database(engine)
    (source,) = store.listed("storage", "rebuild", "--dry-run")
    assert source["shard"] == "first"
    assert source["bytes"] > 0
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) == 0
    assert [one["address"] for one in store.listed("storage", "rebuild")] == [ANNE]


def test_never_into_a_database_in_use(store: System) -> None:
    assert "the database is in use: it has account anne@example.org" in store.refused("storage", "rebuild")


def test_interrupted_rebuild_begins_anew(store: System, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:

    store.done("storage", "checkpoint")
    lose_database(engine)
    with monkeypatch.context() as patched:
        patched.setattr(load, "renew", lambda *_: 1 / 0)
        assert isinstance(store.run("storage", "rebuild").exception, ZeroDivisionError)
    rebuild(store)
    assert sorted(stored(store)) == list(range(1, 9))
    assert "in use" in store.refused("storage", "rebuild")
