"""Shards come and go: accounts move while mail comes in, whenever the command dies; nothing is lost or doubled."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mda import settings
from mda.address import parse
from mda.delivery.compose import compose
from mda.delivery.copies import Accepted
from mda.envelope import Envelope, Recipient
from mda.maintenance import shards
from mda.metadata.directory import accounts
from tests.unit.cli.conftest import PROGRAM, System
from tests.unit.maintenance.conftest import age_seals
from tests.unit.maintenance.store import ANNE, bodies, deliver, stored
from tests.unit.metadata.rows import assert_sums

RAWS = bodies(12)


@pytest.fixture
def two(anne: System, tmp_path: Path) -> System:
    """Anne has mail on the first shard; there is a second one."""
    deliver(anne, RAWS)
    assert "added shard second" in anne.done("shard", "add", "second", str(tmp_path / "second"))
    return anne


def rows_by_shard(engine: Engine) -> dict[str, int]:
    with engine.begin() as connection:
        rows = connection.execute(
            text("SELECT shard.name, count(*) FROM content JOIN shard ON shard.id = shard_id GROUP BY 1")
        )
        return {row[0]: row[1] for row in rows}


def test_account_moves_with_its_mail(two: System, engine: Engine, tmp_path: Path) -> None:
    listed = two.listed("message", "list", ANNE)
    assert f"moved {ANNE} to second: 12 messages, " in two.done("shard", "move", ANNE, "second")
    assert rows_by_shard(engine) == {"second": 12}
    assert two.listed("account", "list")[0]["shard"] == "second"
    assert two.listed("message", "list", ANNE) == listed
    deliver(two, [b"Subject: new\r\n\r\n"])
    assert rows_by_shard(engine) == {"second": 13}
    age_seals(two.data_dir / "shards" / "first")
    two.done("storage", "compact", "--remove-after", "0")
    assert not [path for path in (two.data_dir / "shards" / "first").rglob("*.seg") if path.stat().st_size > 5000]
    assert stored(two) == dict(enumerate(RAWS, 1)) | {13: b"Subject: new\r\n\r\n"}
    assert two.run("storage", "check").exit_code == 0
    assert "0 messages" in two.done("shard", "move", ANNE, "second")


def test_dry_runs_move_nothing(two: System, engine: Engine) -> None:
    told = two.done("shard", "move", ANNE, "second", "--dry-run")
    assert told.startswith(f"would move {ANNE} from first: 12 messages, ")
    told = two.done("shard", "drain", "first", "--dry-run")
    assert told.startswith("would move 1 accounts and 12 messages, ")
    assert told.endswith(" before compression, to second\n")
    assert rows_by_shard(engine) == {"first": 12}
    assert [one["state"] for one in two.listed("shard", "list")] == ["active", "active"]


def test_drained_shard_goes_and_the_other_is_enough(two: System, engine: Engine, tmp_path: Path) -> None:
    two.done("account", "add", "bob@example.org", "--shard", "second")
    two.done("deliver", "-f", "", ANNE, "bob@example.org", answer=b"Subject: both\r\n\r\n")
    error = two.refused("shard", "remove", "first")
    assert "first: mda shard drain first" in error
    told = two.done("shard", "drain", "first")
    assert told.startswith("drained first: moved 1 accounts and 13 messages, ")
    assert told.endswith("; 0 accounts and 0 messages are left\n")
    assert [(one["name"], one["state"], one["messages"]) for one in two.listed("shard", "list")] == [
        ("first", "draining", 0),
        ("second", "active", 14),
    ]
    two.done("shard", "remove", "first")
    shutil.rmtree(two.data_dir / "shards" / "first")
    alive = dict(enumerate([*RAWS, b"Subject: both\r\n\r\n"], 1))
    assert stored(two) == alive
    assert two.run("storage", "check").exit_code == 0
    anne_id = accounts.find(engine, parse(ANNE)).id
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    told = two.done("storage", "rebuild", str(tmp_path / "second"))
    assert "13 by their commit records, 0 without" in told, "commit records and bodies went along"
    two.done("domain", "add", "example.org")
    two.done("account", "rename", f"{anne_id:016x}@rebuilt.invalid", ANNE)
    assert stored(two) == alive


def test_counts_of_a_drain_are_those_of_what_moves(two: System) -> None:
    two.done("account", "add", "empty@example.org", "--shard", "first")
    two.done("message", "expunge", ANNE, *(f"INBOX:{uid}" for uid in range(1, 4)))
    told = two.done("shard", "drain", "first", "--dry-run")
    assert told.startswith("would move 2 accounts and 12 messages, "), "expunged ones can be brought back"
    assert two.done("shard", "drain", "first").startswith("drained first: moved 2 accounts and 12 messages, ")


def test_draining_and_readonly_are_kept(two: System) -> None:
    assert two.done("shard", "set", "second", "--weight", "0") == "shard second: active, weight 0\n"
    two.done("shard", "set", "second", "--state", "readonly")
    assert "is readonly" in two.refused("shard", "move", ANNE, "second")
    assert "no other active shard" in two.refused("shard", "drain", "first")
    assert "did you mean second" in two.refused("shard", "set", "secnd", "--weight", "1")
    assert "shard second exists" in two.refused("shard", "add", "second", str(two.data_dir / "x"))


def test_added_folder_that_was_left_over_is_taken(anne: System, tmp_path: Path, engine: Engine) -> None:
    anne.done("shard", "add", "second", str(tmp_path / "second"))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM shard WHERE name = 'second'"))
    assert "belong to no shard" not in anne.done("shard", "add", "second", str(tmp_path / "second"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    assert "belong to no shard" in anne.refused("shard", "add", "third", str(tmp_path / "other"))


def test_moved_to_and_fro_under_load_and_killed(two: System, engine: Engine) -> None:
    """Deliveries go on in this process, the real command is killed again and again."""
    key = "#maintenance_bytes_per_second = 4000000"
    two.file.write_text(two.file.read_text().replace(key, "maintenance_bytes_per_second = 60000"))
    sent = Counter(RAWS)
    source = random.Random(3)

    def command(target: str) -> "subprocess.Popen[bytes]":
        environment = os.environ | {"MDA_CONFIG": str(two.file)}
        return subprocess.Popen([*PROGRAM, "shard", "move", ANNE, target], env=environment)

    def strike() -> None:
        for turn in range(6):
            process = command("second" if turn % 2 == 0 else "first")
            time.sleep(source.uniform(0.7, 2.5))
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert command("second").wait() == 0

    async def run() -> None:
        loop = asyncio.get_running_loop()
        killing = loop.run_in_executor(None, strike)
        async with compose(settings.load(two.file, {}), keeps_receipts=False) as service:
            number = 0
            while not killing.done():
                number += 1
                recipient = Recipient(parse(ANNE))
                accepted = await service.resolve(recipient, "", 1000)
                assert isinstance(accepted, Accepted)
                raw = b"Subject: %d\r\n\r\n" % number + b"x" * source.randrange(2000)
                (reply,) = await service.deliver(Envelope("", (recipient,)), (accepted,), raw)
                sent[raw] += reply.code == 250
                await asyncio.sleep(0.02)
        await killing

    asyncio.run(run())
    two.file.write_text(two.file.read_text().replace("= 60000", "= 400000000"))
    assert " compressed" in two.done("shard", "move", ANNE, "second")
    assert set(rows_by_shard(engine)) == {"second"}
    account_id = accounts.find(engine, parse(ANNE)).id
    assert Counter(stored(two).values()) == sent
    assert_sums(engine, account_id)
    assert two.run("storage", "check", "--repair").exit_code in (0, 1), "segments of killed writers are sealed"
    assert two.run("storage", "check").exit_code == 0
    assert len(shards.all_shards(engine)) == 2
