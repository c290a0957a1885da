"""Bodies that lie twice: written before the reply or behind it, read and mended from either, erased from both."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from mda import settings
from mda.cli.main import EXIT_TRY_AGAIN
from mda.errors import DatabaseUnavailable, StorageFull
from mda.maintenance.pace import Pace
from mda.maintenance.replication import Copied, Replicator
from mda.metadata.postgresql.opened import opened
from mda.storage.record import Kind
from mda.storage.scan import Found, scan_segment
from mda.storage.writer import SegmentWriter
from tests.unit.cli.conftest import PROGRAM, System
from tests.unit.maintenance.conftest import age_seals, shard_bytes, shard_root
from tests.unit.maintenance.store import ANNE, bodies, deliver, stored

RAWS = bodies(12)


@pytest.fixture
def two(anne: System, tmp_path: Path) -> System:
    """There is a second shard."""
    anne.done("shard", "add", "second", str(tmp_path / "second"))
    return anne


def replicas(engine: Engine) -> dict[str, int]:
    """How many lie on which shard."""
    with engine.begin() as connection:
        rows = connection.execute(
            text("SELECT shard.name, count(*) FROM replica JOIN shard ON shard.id = shard_id GROUP BY 1")
        )
        return {row[0]: row[1] for row in rows}


def test_written_before_the_reply(two: System, engine: Engine, tmp_path: Path) -> None:
    assert two.done("account", "replica", ANNE, "--shard", "second") == f"{ANNE}: replicas on shard second\n"
    deliver(two, RAWS)
    assert replicas(engine) == {"second": 12}
    assert all(raw in shard_bytes(tmp_path / "second") for raw in RAWS)
    assert "Replica" in two.done("message", "show", ANNE, "INBOX:1")
    assert two.listed("message", "show", ANNE, "INBOX:1")["replica"] == "second"
    assert two.run("storage", "check").exit_code == 0
    assert two.done("storage", "replicate") == "copied 0 messages of 0 accounts, 0 B\n"
    shutil.rmtree(shard_root(two))
    assert stored(two) == dict(enumerate(RAWS, 1)), "the first shard is gone, and every mail is read"


def test_written_behind(two: System, engine: Engine, tmp_path: Path) -> None:
    deliver(two, RAWS[:5])
    two.done("account", "replica", ANNE, "--shard", "second")
    two.file.write_text(two.file.read_text().replace('#replicas = "before_reply"', 'replicas = "behind"'))
    deliver(two, RAWS[5:])
    assert "would copy 12 messages of 1 accounts" in two.done("storage", "replicate", "--dry-run")
    due = two.listed("storage", "replicate", "--dry-run")
    assert (due["messages"], due["away"]) == (12, 0)
    assert replicas(engine) == {}
    assert "copied 12 messages of 1 accounts" in two.done("storage", "replicate")
    assert replicas(engine) == {"second": 12}
    done = two.listed("storage", "replicate")
    assert (done["messages"], done["left_accounts"]) == (0, 0)
    assert two.run("storage", "replicate", "--watch", "1", "--dry-run").exit_code == 2
    assert two.run("storage", "check").exit_code == 0
    shutil.rmtree(shard_root(two))
    assert stored(two) == dict(enumerate(RAWS, 1))


def test_written_a_moment_behind(two: System, engine: Engine, tmp_path: Path) -> None:
    """The real command, which goes on; two batches go to one segment."""
    two.done("account", "replica", ANNE, "--shard", "second")
    two.file.write_text(two.file.read_text().replace('#replicas = "before_reply"', 'replicas = "behind"'))
    command = [*PROGRAM, "storage", "replicate", "--watch", "0.2"]
    process = subprocess.Popen(command, env=os.environ | {"MDA_CONFIG": str(two.file)})
    try:
        for part in (RAWS[:6], RAWS[6:]):
            before = sum(replicas(engine).values())
            deliver(two, part)
            end = time.monotonic() + 30
            while replicas(engine) != {"second": before + len(part)}:
                assert time.monotonic() < end
                assert process.poll() is None
                time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    assert len(list((tmp_path / "second").rglob("*.seg"))) == 1
    assert two.run("storage", "check", "--repair").exit_code == 1, "the segment of a dead writer"
    shutil.rmtree(shard_root(two))
    assert stored(two) == dict(enumerate(RAWS, 1))


def test_lost_shard_is_mended_from_the_replicas(two: System, engine: Engine, tmp_path: Path) -> None:
    two.done("account", "replica", ANNE, "--shard", "second")
    deliver(two, RAWS)
    shutil.rmtree(shard_root(two))
    assert "mda shard renew first" in two.run("storage", "check").output
    two.done("shard", "renew", "first")
    assert two.run("storage", "check").exit_code == 2
    assert two.run("storage", "check", "--repair").exit_code == 1
    assert replicas(engine) == {"second": 12}
    assert two.run("storage", "check").exit_code == 0
    shutil.rmtree(tmp_path / "second")
    assert stored(two) == dict(enumerate(RAWS, 1)), "all is on the first shard again"


def test_lost_replicas_are_made_again(two: System, engine: Engine, tmp_path: Path) -> None:
    two.done("account", "replica", ANNE, "--shard", "second")
    deliver(two, RAWS)
    (segment,) = [path for path in (tmp_path / "second").rglob("*.seg") if path.stat().st_size > 5000]
    octets = bytearray(segment.read_bytes())
    octets[400] ^= 0xFF
    segment.write_bytes(octets)
    age_seals(tmp_path / "second")
    assert two.run("storage", "check").exit_code == 2
    assert two.run("storage", "check", "--repair").exit_code == 1
    assert replicas(engine) == {"second": 12}
    shutil.rmtree(shard_root(two))
    assert stored(two) == dict(enumerate(RAWS, 1))


def test_compaction_moves_replicas_and_keeps_them(two: System, engine: Engine, tmp_path: Path) -> None:
    two.done("account", "replica", ANNE, "--shard", "second")
    deliver(two, RAWS)
    two.done("message", "expunge", ANNE, *(f"INBOX:{uid}" for uid in range(1, 11)))
    two.done("account", "retention", ANNE, "0")
    for root in (shard_root(two), tmp_path / "second"):
        age_seals(root)
    two.done("storage", "compact", "--remove-after", "0")
    assert replicas(engine) == {"second": 2}
    for root in (shard_root(two), tmp_path / "second"):
        age_seals(root)
    two.done("storage", "compact", "--remove-after", "0")
    assert not [raw for raw in RAWS[:10] if raw in shard_bytes(tmp_path / "second")]
    assert two.run("storage", "check").exit_code == 0
    shutil.rmtree(shard_root(two))
    assert stored(two) == {11: RAWS[10], 12: RAWS[11]}


def test_erasure_reaches_replicas(two: System, engine: Engine, tmp_path: Path) -> None:
    two.done("account", "replica", ANNE, "--shard", "second")
    deliver(two, RAWS)
    for root in (shard_root(two), tmp_path / "second"):
        age_seals(root)
    two.done("message", "purge", ANNE, "INBOX:3", "--yes")
    age_seals(tmp_path / "second")
    two.done("storage", "compact", "--remove-after", "0")
    for root in (shard_root(two), tmp_path / "second"):
        assert RAWS[2] not in shard_bytes(root)
        assert RAWS[3] in shard_bytes(root)
    assert replicas(engine) == {"second": 11}
    assert two.run("storage", "check").exit_code == 0


def test_what_could_not_be_copied_is_told(two: System, engine: Engine, tmp_path: Path) -> None:
    deliver(two, RAWS)
    two.done("account", "replica", ANNE, "--shard", "second")
    (tmp_path / "second").rename(tmp_path / "away")
    told = two.run("storage", "replicate")
    assert told.exit_code == 1
    assert "copied 0 messages of 0 accounts" in told.stdout
    assert "1 accounts are left out: " in told.stderr
    (tmp_path / "away").rename(tmp_path / "second")
    assert "copied 12 messages of 1 accounts" in two.done("storage", "replicate")


def test_messages_that_cannot_be_read_are_told(two: System, engine: Engine) -> None:
    deliver(two, RAWS)
    two.done("account", "replica", ANNE, "--shard", "second")
    (segment,) = [path for path in shard_root(two).rglob("*.seg") if path.stat().st_size > 5000]
    octets = bytearray(segment.read_bytes())
    octets[400] ^= 0xFF
    segment.write_bytes(octets)
    told = two.run("storage", "replicate")
    assert told.exit_code == 1
    assert "copied 11 messages of 1 accounts" in told.stdout
    assert "1 messages can't be read: mda storage check --repair" in told.stderr


def test_trouble_with_the_database_ends_the_run(two: System, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(two, RAWS)
    two.done("account", "replica", ANNE, "--shard", "second")

    def refuse(*_: object) -> None:
        raise DatabaseUnavailable("the server has ended")

    monkeypatch.setattr("mda.metadata.mailbox.replicas.note", refuse)
    told = two.run("storage", "replicate")
    assert told.exit_code == EXIT_TRY_AGAIN
    assert "left out" not in told.stderr


def test_repair_says_whose_replicas_it_could_not_make(
    two: System, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(two, RAWS)
    two.done("account", "replica", ANNE, "--shard", "second")

    def refuse(*_: object) -> None:
        raise StorageFull("shard second: No space left on device", "free space")

    monkeypatch.setattr(SegmentWriter, "append", refuse)
    monkeypatch.setattr(SegmentWriter, "close", lambda _: None)
    told = two.run("storage", "check", "--repair")
    assert told.exit_code == 2
    assert "left: missing replica: account " in told.stdout
    assert "No space left on device; free space" in told.stdout


def test_a_round_is_one_statement_for_all_accounts(
    two: System, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mda.maintenance.relocation.LATE_SECONDS", 0)  # nobody delivers meanwhile
    names = [f"user{number}@example.org" for number in range(20)]

    def statements_of_a_round() -> int:
        with opened(settings.load(two.file, {})) as handle:
            replicator = Replicator(handle, settings.load(two.file, {}))
            asked: list[str] = []
            event.listen(handle, "before_cursor_execute", lambda *call: asked.append(call[2]))
            assert not list(replicator.run(since=1))
            replicator.close()
        return len(asked)

    deliver(two, RAWS)
    two.done("account", "replica", ANNE, "--shard", "second")
    two.done("storage", "replicate")
    alone = statements_of_a_round()
    for name in names:
        two.done("account", "add", name)
        two.done("shard", "move", name, "first")
    two.done("account", "replica", *names, "--shard", "second")
    assert statements_of_a_round() == alone


def test_the_time_between_two_rounds_is_no_waiting(
    two: System, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, rests = [0.0], list[float]()
    monkeypatch.setattr(
        "mda.maintenance.replication.Pace", lambda rate: Pace(10**12, lambda: now[0], rests.append, lambda: 0.0)
    )
    two.done("account", "replica", ANNE, "--shard", "second")
    two.file.write_text(two.file.read_text().replace('#replicas = "before_reply"', 'replicas = "behind"'))
    with opened(settings.load(two.file, {})) as handle:
        replicator = Replicator(handle, settings.load(two.file, {}))
        for part in (RAWS[:6], RAWS[6:]):
            deliver(two, part)
            now[0] += 5.0
            assert [step.messages for step in replicator.run() if isinstance(step, Copied)] == [6]
        replicator.close()
    assert rests == []


def test_commit_records_do_not_wait_for_the_next_round(two: System, tmp_path: Path) -> None:
    deliver(two, RAWS)
    two.done("account", "replica", ANNE, "--shard", "second")
    with opened(settings.load(two.file, {})) as handle:
        replicator = Replicator(handle, settings.load(two.file, {}))
        assert [step.messages for step in replicator.run() if isinstance(step, Copied)] == [12]
        steps = [step for path in (tmp_path / "second").rglob("*.seg") for step in scan_segment(path)]
        written = [step.header for step in steps if isinstance(step, Found) and step.header.kind is Kind.COMMIT]
        assert [header.raw_length for header in written] == [12 * 44]
        replicator.close()


def test_none_gets_a_second_shard_where_one_is_refused(two: System, engine: Engine) -> None:
    two.done("account", "add", "bob@example.org")
    two.done("shard", "move", "bob@example.org", "second")
    error = two.refused("account", "replica", ANNE, "bob@example.org", "--shard", "second")
    assert "the mail of bob@example.org is on" in error
    two.refused("account", "replica", ANNE, "nobody@example.org", "--shard", "second")
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(replica_shard_id) FROM account")) == 0


def test_second_shard_is_another_one_and_can_be_taken_away(two: System, engine: Engine, tmp_path: Path) -> None:
    assert "this is the shard" in two.refused("account", "replica", ANNE, "--shard", "first")
    assert "neither or both" in two.refused("account", "replica", ANNE)
    two.done("account", "replica", ANNE, "--shard", "second")
    deliver(two, RAWS)
    assert "replicas are on shard second" in two.refused("shard", "move", ANNE, "second")
    two.done("shard", "set", "second", "--state", "draining")
    assert "first: mda shard drain second" in two.refused("shard", "remove", "second")
    assert two.done("account", "replica", ANNE, "--none") == f"{ANNE}: no replicas\n"
    assert replicas(engine) == {}
    two.done("shard", "remove", "second")


def test_drained_shard_gives_its_replicas_away(two: System, engine: Engine, tmp_path: Path) -> None:
    two.done("account", "replica", ANNE, "--shard", "second")
    deliver(two, RAWS)
    assert "no other shard for the replicas" in two.refused("shard", "drain", "second", "--to", "first")
    two.done("shard", "add", "third", str(tmp_path / "third"))
    two.done("shard", "drain", "second")
    assert replicas(engine) == {"third": 12}
    two.done("shard", "remove", "second")
    shutil.rmtree(tmp_path / "second")
    shutil.rmtree(shard_root(two))
    assert stored(two) == dict(enumerate(RAWS, 1))


def test_second_shard_alone_is_enough_for_a_rebuild(two: System, engine: Engine, tmp_path: Path) -> None:
    two.done("account", "replica", ANNE, "--shard", "second")
    deliver(two, RAWS[:6])
    two.done("storage", "checkpoint")
    deliver(two, RAWS[6:])
    shutil.rmtree(shard_root(two))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    told = two.done("storage", "rebuild", str(tmp_path / "second"))
    assert "6 by their commit records, 0 without" in told
    assert stored(two) == dict(enumerate(RAWS, 1))
    two.done("shard", "renew", "first")
    assert "brought 12 messages back" in two.done("storage", "replicate")
    assert replicas(engine) == {"second": 12}
    assert two.run("storage", "check").exit_code == 0


def test_purged_mail_stays_gone_where_the_second_shard_alone_is_left(
    two: System, engine: Engine, tmp_path: Path
) -> None:
    bob = "bob@example.org"
    two.done("account", "add", bob)
    two.done("shard", "move", bob, "first")
    two.done("account", "replica", ANNE, bob, "--shard", "second")
    deliver(two, RAWS)
    two.done("storage", "checkpoint")
    two.done("account", "retention", ANNE, "0")
    two.done("message", "expunge", ANNE, "INBOX:1", "INBOX:2")
    two.done("storage", "compact")
    two.done("account", "delete", bob, "--purge", "--yes")
    shutil.rmtree(shard_root(two))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    two.done("storage", "rebuild", str(tmp_path / "second"))
    assert stored(two) == dict(enumerate(RAWS[2:], 3))
    assert f"no account {bob}" in two.refused("message", "list", bob)


def test_a_second_shard_that_is_gone_holds_no_purge_up(two: System, tmp_path: Path) -> None:
    two.done("account", "replica", ANNE, "--shard", "second")
    deliver(two, RAWS)
    two.done("account", "retention", ANNE, "0")
    two.done("message", "expunge", ANNE, "INBOX:1")
    shutil.rmtree(tmp_path / "second")
    told = two.run("storage", "compact", "--shard", "first")
    assert told.exit_code == 0, told.output
    assert "purge_not_recorded" in told.stderr
    assert len(stored(two)) == 11
