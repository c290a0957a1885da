"""Every kind of damage is done to a real store, found by a dry check, and mended or left by a repairing one."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from mda.address import parse
from mda.identifiers import IdentifierSource, format_id
from mda.maintenance import shards
from mda.metadata.directory import accounts
from mda.storage.abandoned import list_segments
from mda.storage.encode import Encoder
from mda.storage.folder_lock import maintained
from mda.storage.location import seal_path, segment_path
from mda.storage.record import Target
from mda.storage.writer import SegmentWriter
from tests.unit.cli.conftest import PROGRAM, System
from tests.unit.maintenance.conftest import age_seals, shard_root
from tests.unit.maintenance.store import ANNE, bodies, deliver, stored
from tests.unit.metadata.rows import assert_sums
from tests.unit.storage.conftest import RECEIVED_AT

RAWS = bodies(12)


@pytest.fixture
def store(anne: System) -> System:
    """Twelve messages in one sealed segment."""
    deliver(anne, RAWS)
    age_seals(shard_root(anne))
    return anne


def check(system: System, *options: str) -> tuple[int, list[str]]:
    """Exit status and lines; a dry run never changes anything, so each is run twice."""
    if not options:
        first = system.run("storage", "check")
        second = system.run("storage", "check")
        assert (first.exit_code, first.stdout) == (second.exit_code, second.stdout)
    done = system.run("storage", "check", *options)
    return done.exit_code, done.stdout.splitlines()


def the_segment(system: System) -> Path:
    (path,) = [one for one in shard_root(system).rglob("*.seg") if one.stat().st_size > 5000]
    return path


def row(engine: Engine, uid: int) -> Any:
    with engine.begin() as connection:
        return connection.execute(
            text(
                'SELECT content.id, segment, "offset", length FROM content'
                " JOIN message ON content_id = content.id WHERE uid = :uid"
            ),
            {"uid": uid},
        ).one()


def run_sql(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def flip(path: Path, at: int) -> None:
    octets = bytearray(path.read_bytes())
    octets[at] ^= 0x55
    path.write_bytes(octets)


def keep_copies(system: System) -> None:
    """Copies of all bodies in a second segment, as a compaction leaves when it dies before it changes rows."""
    path = the_segment(system)
    copy = segment_path(shard_root(system), IdentifierSource().next())
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(path, copy)


def test_findings_as_json_are_those_of_the_lines(store: System) -> None:
    flip(the_segment(store), 4000)
    status, lines = check(store)
    done = store.run("storage", "check", "--json")
    found = json.loads(done.stdout)
    assert found
    assert done.exit_code == status == 2
    assert [f"{one['outcome']}: {one['kind']}: {one['place']}: {one['what']}" for one in found] == lines


def test_sound_store_is_clean(store: System, engine: Engine) -> None:
    assert check(store) == (0, [])
    assert check(store, "--repair") == (0, [])
    store.done("message", "expunge", ANNE, "INBOX:1")
    assert check(store) == (0, [])
    run_sql(engine, "UPDATE expunged SET expunged_at = expunged_at - interval '50 days'")
    store.done("storage", "compact", "--dead", "100")
    run_sql(engine, "DELETE FROM purged")
    assert check(store) == (0, []), "its purge record says enough"
    store.done("storage", "compact", "--remove-after", "0", "--dead", "1")
    assert check(store) == (0, []), "what was purged is no lost mail"
    assert len(stored(store)) == 11


def test_damaged_body_is_left_and_named(store: System, engine: Engine) -> None:
    hurt = row(engine, 5)
    flip(the_segment(store), hurt.offset + hurt.length - 5)
    status, lines = check(store)
    assert status == 2
    assert len(lines) == 2
    assert lines[0].startswith("left: damaged body: shard first")
    assert f"offset {hurt.offset}" in lines[0]
    assert f"account {ANNE}, message {format_id(hurt.id)}" in lines[0]
    assert "damaged segment" in lines[1]
    assert check(store, "--repair") == (2, lines)
    assert [uid for uid, raw in stored(store).items() if raw == RAWS[uid - 1]] == [12, 11, 10, 9, 8, 7, 6, 4, 3, 2, 1]


def test_damaged_body_is_mended_from_a_good_copy(store: System, engine: Engine) -> None:
    keep_copies(store)
    path, hurt = the_segment_of(store, engine), row(engine, 5)
    flip(path, hurt.offset + hurt.length - 5)
    status, lines = check(store)
    assert status == 2
    assert any(line.startswith("found: damaged body") and "good copy" in line for line in lines)
    status, lines = check(store, "--repair")
    assert any(line.startswith("repaired: damaged body") for line in lines)
    assert stored(store) == dict(enumerate(RAWS, 1))
    # A segment without any message in its damage is written anew.
    assert any(line.startswith("repaired: damaged segment") for line in lines), lines
    assert status == 1
    assert check(store, "--repair")[0] == 0
    assert stored(store) == dict(enumerate(RAWS, 1))


def the_segment_of(system: System, engine: Engine) -> Path:
    return segment_path(shard_root(system), row(engine, 5).segment)


def test_missing_segment_is_left_or_mended(store: System, engine: Engine) -> None:
    keep_copies(store)
    path = the_segment_of(store, engine)
    kept = path.read_bytes()
    path.unlink()
    status, lines = check(store, "--repair")
    assert status == 1
    assert sum(line.startswith("repaired: missing body") for line in lines) == 12
    assert stored(store) == dict(enumerate(RAWS, 1))
    (copy,) = [one for one in shard_root(store).rglob("*.seg") if one.stat().st_size == len(kept)]
    copy.unlink()
    status, lines = check(store, "--repair")
    assert status == 2
    assert sum(line.startswith("left: missing body") and "the segment is gone" in line for line in lines) == 12


def test_truncated_segment_is_named(store: System, engine: Engine) -> None:
    path, cut = the_segment(store), row(engine, 11)
    os.truncate(path, cut.offset + 10)
    status, lines = check(store, "--repair")
    assert status == 2
    assert sum(line.startswith("left: damaged body") for line in lines) == 2
    assert any(line.startswith("left: truncated segment") for line in lines)


def test_misplaced_body_is_found_where_it_is(store: System, engine: Engine) -> None:
    third, fourth = row(engine, 3), row(engine, 4)
    run_sql(
        engine,
        f'UPDATE content SET "offset" = {fourth.offset}, length = {fourth.length} WHERE id = {third.id}',
    )
    status, lines = check(store)
    assert status == 2
    assert lines[0].startswith("found: misplaced body")
    assert check(store, "--repair")[0] == 1
    assert row(engine, 3) == third
    assert check(store) == (0, [])
    assert stored(store) == dict(enumerate(RAWS, 1))


def test_acknowledged_mail_comes_back_after_the_database_was_set_back(store: System, engine: Engine) -> None:
    lost = row(engine, 7)
    run_sql(
        engine,
        f"DELETE FROM content WHERE id = {lost.id}",
        "DELETE FROM message WHERE uid = 7",
        "UPDATE mailbox SET message_count = message_count - 1, unseen_count = unseen_count - 1",
    )
    status, lines = check(store)
    assert status == 2
    assert any(line.startswith("found: lost mail") and format_id(lost.id) in line for line in lines)
    status, lines = check(store, "--repair")
    assert (status, "repaired: lost mail" in "".join(lines)) == (1, True)
    assert stored(store) == dict(enumerate(RAWS, 1)), "under its UID"
    assert check(store) == (0, [])
    assert_sums(engine, accounts.find(engine, parse(ANNE)).id)


def test_lost_content_row_and_lost_message_row_come_back(store: System, engine: Engine) -> None:
    second, third = row(engine, 2), row(engine, 3)
    run_sql(engine, f"DELETE FROM content WHERE id = {second.id}", f"DELETE FROM message WHERE content_id = {third.id}")
    status, lines = check(store)
    assert status == 2
    assert any(line.startswith("found: lost content row") for line in lines)
    assert any(line.startswith("found: lost mail") for line in lines)
    assert check(store, "--repair")[0] == 1
    assert check(store) == (0, [])
    back = stored(store)
    assert back[2] == RAWS[1]
    assert back[13] == RAWS[2], "a message whose row is gone has a new UID"
    assert_sums(engine, accounts.find(engine, parse(ANNE)).id)


def test_body_that_nobody_was_told_of_is_purged_after_a_week(store: System, engine: Engine) -> None:
    (shard,) = shards.all_shards(engine)
    account_id = accounts.find(engine, parse(ANNE)).id
    writer = SegmentWriter(shard, IdentifierSource())
    target = Target(account_id, IdentifierSource().next(), b"r" * 16)
    writer.append([Encoder().encode_message(b"x", received_at=RECEIVED_AT, reverse_path="", targets=(target,))])
    writer.close()
    assert check(store) == (0, []), "its delivery may still be on its way"
    age_seals(shard_root(store))
    status, lines = check(store)
    assert status == 2
    assert [line.split(":")[1] for line in lines] == [" orphaned body"]
    assert check(store, "--repair")[0] == 1
    assert check(store) == (0, [])
    assert stored(store) == dict(enumerate(RAWS, 1))


def test_dead_writers_and_damaged_seals_are_mended(store: System, engine: Engine) -> None:
    path = the_segment(store)
    with path.open("ab") as stream:
        stream.write(path.read_bytes()[:50])
    segment = row(engine, 1).segment
    seal_path(shard_root(store), segment).unlink()
    status, lines = check(store)
    assert (status, len(lines)) == (2, 1)
    assert lines[0].startswith("found: segment of a dead writer")
    status, lines = check(store, "--repair")
    assert (status, len(lines)) == (1, 1)
    assert "50 bytes are torn" in lines[0]
    assert check(store) == (0, [])
    seal_path(shard_root(store), segment).write_bytes(b"mda-seal 1 nonsense crc=00000000\n")
    status, lines = check(store)
    assert lines[0].startswith("found: damaged seal")
    assert check(store, "--repair")[0] == 1
    assert check(store) == (0, [])
    assert stored(store) == dict(enumerate(RAWS, 1))


DAMAGED_ROWS = {
    "wrong counter": (
        "UPDATE mailbox SET message_count = 99",
        "UPDATE mailbox SET unseen_count = 0",
        "UPDATE mailbox SET bytes = bytes + 1",
        "UPDATE account_state SET bytes = bytes + 1",
        "UPDATE account_state SET message_count = 1",
        "UPDATE account_state SET modseq = 3",
        "UPDATE mailbox SET modseq = 3",
    ),
    "wrong UID": ("UPDATE mailbox SET uid_next = 12", "UPDATE mailbox SET uid_next = 1"),
    "duplicated row": (
        "INSERT INTO message SELECT account_id, mailbox_id, 40, content_id, flags, keywords, modseq, internal_date"
        " FROM message WHERE uid = 4",
    ),
}


@pytest.mark.parametrize(
    ("kind", "statement"), [(kind, one) for kind, several in DAMAGED_ROWS.items() for one in several]
)
def test_rows_that_do_not_add_up_are_mended(store: System, engine: Engine, kind: str, statement: str) -> None:
    run_sql(engine, statement)
    status, lines = check(store)
    assert status == 2
    assert any(line.startswith(f"found: {kind}: account {ANNE}") for line in lines)
    status, lines = check(store, "--repair")
    assert status == 1
    assert any(line.startswith(f"repaired: {kind}") for line in lines)
    assert check(store) == (0, [])
    assert stored(store) == dict(enumerate(RAWS, 1))
    assert_sums(engine, accounts.find(engine, parse(ANNE)).id)


def test_check_that_can_not_run_exits_3(store: System) -> None:
    with maintained(shard_root(store), "first"):
        assert store.run("storage", "check").exit_code == 3
    (shard_root(store) / "shard").unlink()
    done = store.run("storage", "check")
    assert done.exit_code == 3
    assert "no marker file" in done.stderr


def test_killed_check_goes_on_where_it_was(anne: System) -> None:
    for turn in range(4):
        deliver(anne, bodies(10, turn))
    key = "#maintenance_bytes_per_second = 4000000"
    anne.file.write_text(anne.file.read_text().replace(key, "maintenance_bytes_per_second = 12000"))
    command = [*PROGRAM, "storage", "check"]
    process = subprocess.Popen(command, env=os.environ | {"MDA_CONFIG": str(anne.file)})
    journal = anne.data_dir / "check" / "surveys.jsonl"
    while not journal.exists() or len(journal.read_bytes().split(b"\n")) < 3:
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = journal.read_bytes().count(b"\n")
    assert 1 <= done < len(list(list_segments(shard_root(anne))))
    anne.file.write_text(anne.file.read_text().replace("= 12000", "= 400000000"))
    seen = {match[1] for match in re.finditer(rb'"segment":(\d+)', journal.read_bytes())}
    flip(segment_path(shard_root(anne), int(min(seen))), 5)
    assert anne.run("storage", "check").exit_code == 0, "what was looked through is not read again"
    assert not journal.exists()
    assert anne.run("storage", "check").exit_code == 2
