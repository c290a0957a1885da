"""Backups: incremental, restored as of any of them; one account, mailbox or message back into a running store."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mda.address import parse
from mda.metadata.directory import accounts
from mda.storage.scan import end_of_content
from tests.unit.cli.conftest import PROGRAM, System
from tests.unit.maintenance.conftest import age_seals, shard_root
from tests.unit.maintenance.store import ANNE, bodies, deliver, stored
from tests.unit.metadata.rows import assert_sums

RAWS = bodies(8)
MORE = bodies(4, seed=2)


@pytest.fixture
def folder(anne: System, tmp_path: Path) -> Path:
    """Two backups: of eight messages, and of twelve."""
    deliver(anne, RAWS)
    anne.done("backup", str(tmp_path / "backup"))
    deliver(anne, MORE)
    anne.done("backup", str(tmp_path / "backup"))
    return tmp_path / "backup"


def lose_everything(system: System, engine: Engine) -> None:
    shutil.rmtree(system.data_dir / "shards")
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))


def names(system: System, folder: Path) -> list[str]:
    return [line.split("\t")[0] for line in system.done("restore", str(folder), "--list").splitlines()]


def test_everything_as_of_the_newest(anne: System, engine: Engine, folder: Path) -> None:
    listed = anne.listed("message", "list", ANNE)
    lose_everything(anne, engine)
    assert "restored 12 messages" in anne.done("restore", str(folder))
    assert anne.listed("message", "list", ANNE) == listed
    assert stored(anne) == dict(enumerate([*RAWS, *MORE], 1))
    assert anne.run("storage", "check").exit_code == 0
    deliver(anne, [b"Subject: on\r\n\r\n"])
    assert len(stored(anne)) == 13


def test_everything_as_of_an_earlier_one(anne: System, engine: Engine, folder: Path) -> None:
    first, second = names(anne, folder)
    assert first < second
    lose_everything(anne, engine)
    assert "restored 8 messages" in anne.done("restore", str(folder), "--at", first)
    assert stored(anne) == dict(enumerate(RAWS, 1))
    assert "no backup 0000000000000001" in anne.refused("restore", str(folder), "--at", "0000000000000001")


def test_segment_that_is_being_written_is_copied_as_far_as_it_goes(
    anne: System, engine: Engine, tmp_path: Path
) -> None:
    """And again when it goes further, though its file has become no longer by that."""
    folder, sizes = tmp_path / "backup", list[list[int]]()

    def back_up() -> None:
        sizes.append([path.stat().st_size for path in shard_root(anne).rglob("*.seg")])
        anne.done("backup", str(folder))

    deliver(anne, RAWS, MORE, after_each=back_up)
    assert sizes[0][0] in sizes[1], "the file of the first part was long enough for the second"
    first, _ = names(anne, folder)
    lose_everything(anne, engine)
    anne.done("restore", str(folder), "--at", first)
    assert stored(anne) == dict(enumerate(RAWS, 1))
    assert anne.run("storage", "check").exit_code == 0
    lose_everything(anne, engine)
    anne.done("restore", str(folder))
    assert stored(anne) == dict(enumerate([*RAWS, *MORE], 1))
    assert anne.run("storage", "check").exit_code == 0


def test_copy_is_kept_where_the_disk_has_lost_what_it_was_made_of(anne: System, engine: Engine, tmp_path: Path) -> None:
    """An open segment of a writer that has died, so that nobody adds to it between the two backups."""
    folder, copies = tmp_path / "backup", list[set[bytes]]()
    deliver(anne, RAWS)
    (seal,) = shard_root(anne).rglob("*.seal")
    seal.unlink()
    open_segment = seal.with_suffix(".seg")
    for lost in (0, 2000):
        with open_segment.open("r+b") as file:
            file.seek(end_of_content(open_segment) - lost)
            file.write(bytes(lost))
        anne.done("backup", str(folder))
        copies.append({path.read_bytes() for path in folder.rglob("*.seg")})
    assert copies[0] < copies[1], "the checkpoint is new"
    lose_everything(anne, engine)
    anne.done("restore", str(folder))
    assert stored(anne) == dict(enumerate(RAWS, 1))


def test_what_is_there_is_not_copied_again(anne: System, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.seg")}
    told = anne.done("backup", str(folder))
    fresh = [path for path in folder.rglob("*.seg") if path not in before]
    assert f"copied {len(fresh)} segments" in told
    assert len(fresh) == 1, "the checkpoint alone"
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_scripts_read(anne: System, engine: Engine, folder: Path, tmp_path: Path) -> None:
    made = anne.listed("backup", str(folder), "--keep", "2")
    assert (made["copied_segments"], made["removed_segments"]) == (1, 0)
    listed = anne.listed("restore", str(folder), "--list")
    assert [one["id"] for one in listed] == [*names(anne, folder)]
    assert listed[-1]["id"] == made["id"]
    lose_everything(anne, engine)
    rehearsed = anne.listed("restore", str(folder), "--into", str(tmp_path / "new"), "--dry-run")
    assert rehearsed["shards"] == [{"name": "first", "place": str(tmp_path / "new" / "first")}]
    assert "would restore" in anne.done("restore", str(folder), "--dry-run")
    assert not (tmp_path / "new").exists()
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) == 0
    restored = anne.listed("restore", str(folder))
    assert (restored["id"], restored["accounts"], restored["messages"]) == (made["id"], 1, 12)


def test_never_over_a_store_in_use(anne: System, folder: Path) -> None:
    assert "in use" in anne.refused("restore", str(folder))
    assert "no backup in" in anne.refused("restore", str(folder.parent))
    assert "--account" in anne.refused("restore", str(folder), "--mailbox", "INBOX")


def test_one_account_mailbox_or_message_comes_back(anne: System, engine: Engine, tmp_path: Path) -> None:
    deliver(anne, RAWS)
    anne.done("mailbox", "create", ANNE, "Work/2026")
    anne.done("message", "move", ANNE, "INBOX:2", "INBOX:3", "Work/2026")
    with engine.begin() as connection:
        connection.execute(text("UPDATE message SET flags = 5, keywords = '{x}'"))
        connection.execute(text("UPDATE mailbox SET unseen_count = 0"))
    folder = tmp_path / "backup"
    anne.done("backup", str(folder))
    work = anne.listed("message", "list", ANNE, "--mailbox", "Work/2026")
    delivered = anne.run("message", "raw", ANNE, "Work/2026:1", "--delivered").stdout_bytes
    for name in ("INBOX:1", "INBOX:5", "Work/2026:1", "Work/2026:2"):
        anne.done("message", "purge", ANNE, name, "--yes")
    anne.done("mailbox", "delete", ANNE, "Work/2026", "--yes")
    one = ("restore", str(folder), "--account", ANNE)
    assert anne.done(*one, "--dry-run") == "would restore 4 messages; 4 were there\n"
    assert anne.done(*one, "--message", work[1]["id"]) == "restored 1 messages; 0 were there\n"
    assert anne.done(*one, "--mailbox", "Work/2026") == "restored 1 messages; 1 were there\n"
    assert anne.done(*one) == "restored 2 messages; 6 were there\n"
    assert anne.listed(*one)["known"] == 8
    back = anne.listed("message", "list", ANNE, "--mailbox", "Work/2026")
    kept = ("subject", "flags", "size", "from")
    assert sorted([one[key] for key in kept] for one in back) == sorted([one[key] for key in kept] for one in work)
    assert anne.run("message", "raw", ANNE, "Work/2026:1", "--delivered").stdout_bytes == delivered
    assert anne.run("storage", "check").exit_code == 0
    assert_sums(engine, accounts.find(engine, parse(ANNE)).id)
    assert "nothing of mailbox Nowhere" in anne.refused(*one, "--mailbox", "Nowhere")
    anne.done("account", "add", "bob@example.org")
    assert "has no account bob@example.org" in anne.refused("restore", str(folder), "--account", "bob@example.org")


def test_old_backups_are_forgotten_with_their_segments(anne: System, engine: Engine, folder: Path) -> None:
    anne.done("message", "expunge", ANNE, *(f"INBOX:{uid}" for uid in range(1, 12)))
    anne.done("account", "retention", ANNE, "0")
    age_seals(shard_root(anne))
    for _ in range(2):
        anne.done("storage", "compact", "--remove-after", "0")
        age_seals(shard_root(anne))
    before = set(folder.rglob("*.seg"))
    assert "removed 0 segments" not in anne.done("backup", str(folder), "--keep", "1")
    assert before - set(folder.rglob("*.seg"))
    assert len(names(anne, folder)) == 1
    lose_everything(anne, engine)
    anne.done("restore", str(folder))
    assert stored(anne) == {12: MORE[3]}


def test_interrupted_restore_goes_on(
    anne: System, engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mda.maintenance import backup

    lose_everything(anne, engine)
    real, count = backup.copy_bytes, iter(range(100))

    def dying(*arguments: object) -> None:
        if next(count) == 1:
            raise KeyError("dead")
        real(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr("mda.maintenance.restore.copy_bytes", dying)
        assert isinstance(anne.run("restore", str(folder)).exception, KeyError)
    assert "restored 12 messages" in anne.done("restore", str(folder))
    assert stored(anne) == dict(enumerate([*RAWS, *MORE], 1))


def test_folder_that_cannot_be_made_is_named(anne: System) -> None:
    deliver(anne, RAWS)
    assert "/proc/backup: No such file or directory" in anne.refused("backup", "/proc/backup")


def test_shard_that_is_not_there_is_named(anne: System, tmp_path: Path) -> None:
    (anne.data_dir / "shards").rename(anne.data_dir / "elsewhere")
    for words in ((), ("--dry-run",)):
        assert "is its disk mounted?" in anne.refused("backup", str(tmp_path / "backup"), *words)


def test_empty_word_is_no_folder(anne: System) -> None:
    for words in (("backup", ""), ("restore", "", "--list"), ("export", ANNE, ""), ("shard", "add", "second", "")):
        result = anne.run(*words)
        assert (result.exit_code, "it is empty" in result.stderr) == (2, True), words


def test_folder_without_a_backup_is_not_listed_as_if_it_had_none_left(anne: System, tmp_path: Path) -> None:
    assert "there is no backup in" in anne.refused("restore", str(tmp_path / "mistyped"), "--list")


@pytest.fixture
def readonly(anne: System) -> Iterator[Path]:
    """A disk that root has to mount again; with a shard on it."""
    disk = Path(tempfile.mkdtemp(prefix="mda-"))
    if subprocess.run(["mount", "-t", "tmpfs", "mda", disk], capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount")
    try:
        anne.done("shard", "add", "second", str(disk / "second"), "--weight", "0")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
        disk.rmdir()


@pytest.mark.parametrize("target", ["", "new/folder"])
def test_backup_to_a_disk_that_became_readonly_goes_on_by_its_remedy(anne: System, readonly: Path, target: str) -> None:
    words = ("backup", str(readonly / target))
    said = anne.refused(*words)
    assert f"Read-only file system; mount -o remount,rw {readonly}" in said
    subprocess.run(["sh", "-c", said.rpartition("; ")[2]], check=True)
    assert "copied" in anne.done(*words)


def test_checkpoint_of_a_shard_that_became_readonly_goes_on_by_its_remedy(anne: System, readonly: Path) -> None:
    words = ("storage", "checkpoint", "--shard", "second")
    said = anne.refused(*words)
    assert f"Read-only file system; mount -o remount,rw {readonly}" in said
    subprocess.run(["sh", "-c", said.rpartition("; ")[2]], check=True)
    assert "checkpoint" in anne.done(*words)


def test_target_that_is_no_folder_is_told_before_anything_is_done(anne: System, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "Not a directory; name a folder" in anne.refused("backup", str(tmp_path / "file/below"))
    gone = tmp_path / "gone"
    gone.symlink_to(tmp_path / "nowhere/at/all")
    assert str(gone) in anne.refused("backup", str(gone))
    said = anne.refused("backup", "/proc/backup")
    assert "No such file or directory; mount the disk of /proc/backup; where there is none: mkdir -p" in said
    assert checkpoints(anne) == "0"


def checkpoints(anne: System) -> str:
    asked = [*PROGRAM, "db", "psql", "-At", "-c", "SELECT count(*) FROM checkpoint"]
    environment = {**os.environ, "MDA_CONFIG": str(anne.file)}
    return subprocess.run(asked, env=environment, capture_output=True, text=True, check=True).stdout.strip()
