"""`mda import` and `mda export` on real stores: what goes in comes out, with flags, dates and mailboxes."""

import errno
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mda.address import parse
from mda.metadata.directory import accounts
from tests.unit.cli.conftest import PROGRAM, System
from tests.unit.metadata.rows import assert_sums

ANNE, BOB = "anne@example.org", "bob@example.org"
ROOT = Path(__file__).parents[3]
SAMPLES = sorted((ROOT / "tests" / "samples").glob("*.eml"))
CORPUS = sorted((ROOT / "build" / "corpus").rglob("*.eml"))


def make_maildir(root: Path, raws: list[bytes], folder: str = "") -> None:
    for name in ("cur", "new", "tmp"):
        (root / folder / name).mkdir(parents=True)
    for number, raw in enumerate(raws):
        path = root / folder / "cur" / f"{1_700_000_000 + number}.M{number}.host:2,{'S' if number % 2 else ''}"
        path.write_bytes(raw)
        os.utime(path, (1_600_000_000 + number, 1_600_000_000 + number))


def messages(root: Path) -> list[tuple[float, str, bytes]]:
    """Time, flags and bytes of every message of a Maildir."""
    files = [path for path in root.rglob("*") if path.parent.name in ("cur", "new") and path.is_file()]
    return sorted((path.stat().st_mtime, path.name.partition(":2,")[2], path.read_bytes()) for path in files)


@pytest.mark.parametrize("form", ["maildir", "mbox"])
def test_real_mail_in_and_out_is_byte_identical(anne: System, engine: Engine, tmp_path: Path, form: str) -> None:
    """Out and in again by each kind of file, and out at last as it came; all of the corpus where it is there."""
    found = CORPUS or SAMPLES
    raws = [path.read_bytes() for path in found]
    make_maildir(tmp_path / "source", raws)
    anne.done("account", "add", BOB)
    told = anne.done("import", ANNE, str(tmp_path / "source"), "--dry-run").splitlines()[-1]
    assert told.startswith(f"would import {len(raws)} messages, ")
    assert anne.done("import", ANNE, str(tmp_path / "source")) == f"imported {len(raws)} messages\n"
    anne.done("export", ANNE, str(tmp_path / "between"), "--format", form)
    assert anne.done("import", BOB, str(tmp_path / "between")) == f"imported {len(raws)} messages\n"
    anne.done("export", BOB, str(tmp_path / "out"))
    before, after = messages(tmp_path / "source"), messages(tmp_path / "out")
    assert len(before) == len(found)
    with engine.begin() as connection:
        digests = connection.execute(text("SELECT account_id, digest FROM content")).all()
    assert len({(row[0], bytes(row[1])) for row in digests}) == 2 * len(set(raws)), "stored byte for byte"
    for one, other in zip(before, after, strict=True):
        assert other[:2] == one[:2]
        assert other[2].replace(b"\r\n", b"\n") == one[2].replace(b"\r\n", b"\n")
        assert other[2] == one[2] or b"\r\n" not in other[2], "LF in files, where it comes back"
    assert_sums(engine, accounts.find(engine, parse(BOB)).id)


def test_stored_bytes_are_those_of_the_file(anne: System, tmp_path: Path) -> None:
    raws = [path.read_bytes() for path in SAMPLES]
    make_maildir(tmp_path / "source", raws)
    anne.done("import", ANNE, str(tmp_path / "source"))
    for uid, raw in enumerate(raws, 1):
        wanted = raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")
        assert anne.run("message", "raw", ANNE, f"INBOX:{uid}", "--delivered").stdout_bytes == wanted


def test_flags_keywords_dates_and_mailboxes_come_along(anne: System, engine: Engine, tmp_path: Path) -> None:
    make_maildir(tmp_path / "source", [b"Subject: in\n\n", b"Subject: too\n\n"])
    make_maildir(tmp_path / "source", [b"Subject: work\n\n"], ".Work.2026")
    (tmp_path / "source" / "dovecot-keywords").write_text("0 $Forwarded\n")
    first = next((tmp_path / "source" / "cur").glob("1700000000*"))
    first.rename(first.with_name(first.name + "Fa"))
    anne.done("import", ANNE, str(tmp_path / "source"))
    inbox = anne.listed("message", "list", ANNE)
    assert [(one["subject"], one["flags"]) for one in inbox] == [
        ("too", ["\\Seen"]),
        ("in", ["\\Flagged", "$Forwarded"]),
    ]
    assert inbox[0]["date"] == "2020-09-13T12:26:41Z"
    (work,) = anne.listed("message", "list", ANNE, "--mailbox", "Work/2026")
    assert work["subject"] == "work"
    assert "exported 3 messages from 3 mailboxes" in anne.done("export", ANNE, str(tmp_path / "m"), "--format", "mbox")
    assert (tmp_path / "m" / "Work" / "2026.mbox").exists()
    anne.done("account", "add", BOB)
    anne.done("import", BOB, str(tmp_path / "m" / "INBOX.mbox"), "--mailbox", "Old")
    old = anne.listed("message", "list", BOB, "--mailbox", "Old")
    assert [(one["subject"], one["flags"], one["date"]) for one in old] == [
        (one["subject"], one["flags"], one["date"]) for one in inbox
    ]
    assert anne.run("storage", "check").exit_code == 0
    assert_sums(engine, accounts.find(engine, parse(ANNE)).id)


def test_import_that_was_killed_goes_on_without_doubles(anne: System, tmp_path: Path) -> None:
    source = random.Random(1)
    raws = [b"Subject: %d\n\n" % number + source.randbytes(40_000).hex().encode() for number in range(1500)]
    make_maildir(tmp_path / "source", raws)
    environment = os.environ | {"MDA_CONFIG": str(anne.file)}
    process = subprocess.Popen([*PROGRAM, "import", ANNE, str(tmp_path / "source")], env=environment)
    while not anne.listed("message", "list", ANNE, "--limit", "1"):
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    told = anne.done("import", ANNE, str(tmp_path / "source"), "--skip-existing")
    stored, skipped = int(told.split()[1]), int(told.split()[-1])
    assert stored + skipped == len(raws)
    assert skipped >= 200
    (inbox,) = anne.listed("mailbox", "list", ANNE)
    assert inbox["messages"] == len(raws)


def test_names_of_mailboxes_lead_out_of_no_folder(anne: System, tmp_path: Path) -> None:
    names = ("a", "a.mbox", "a.mbox/b", "..", "../..", ".", "x/../y", "...", ".z")
    for name in names:
        anne.run("mailbox", "create", ANNE, name)
    anne.done("export", ANNE, str(tmp_path / "deep" / "out"), "--format", "mbox")
    assert [path.name for path in (*tmp_path.glob("*.mbox"), *(tmp_path / "deep").glob("*.mbox"))] == []
    anne.done("account", "add", BOB)
    for path in (tmp_path / "deep").rglob("*.mbox"):
        path.write_bytes(b"From x\nSubject: y\n\n")
    anne.done("import", BOB, str(tmp_path / "deep" / "out"))
    assert {*names} < {one["name"] for one in anne.listed("mailbox", "list", BOB)}


def test_odd_keywords_are_left_out(anne: System, tmp_path: Path) -> None:
    (tmp_path / "cur").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "cur" / "1:2,a").write_bytes(b"Subject: x\n\n")
    (tmp_path / "dovecot-keywords").write_text("\u00b2 odd\n%s odd\n" % ("9" * 5000))
    anne.done("import", ANNE, str(tmp_path))


def test_folder_that_can_not_be_read_is_named(anne: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path, pattern: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", pattern)

    monkeypatch.setattr(Path, "rglob", refuse)
    assert "*.mbox: Permission denied" in anne.refused("import", ANNE, str(tmp_path))


@pytest.mark.parametrize("form", ["maildir", "mbox"])
def test_exported_mail_is_known_again(anne: System, engine: Engine, tmp_path: Path, form: str) -> None:
    """Its delivered form is in the files: with trace fields on top, and without those that pretended to be ours."""
    plain = b"Subject: plain\r\n\r\nHello\r\n"
    forged = b"X-Original-To: eve@example.net\r\nSubject: forged\r\nReturn-Path: <eve@example.net>\r\n\r\nHello\r\n"
    traced = b"Delivered-To: list@example.net\r\nSubject: traced\r\n\r\nHello\r\n"
    for raw in (plain, forged, traced):
        anne.deliver(ANNE, raw)
    anne.done("export", ANNE, str(tmp_path / "out"), "--format", form)
    (tmp_path / "new.mbox").write_bytes(b"From x\nReturn-Path: <a@b.test>\nDelivered-To: c@d.test\nSubject: new\n\n\n")
    assert anne.done("import", ANNE, str(tmp_path / "out"), "--skip-existing") == "imported 0 messages, left out 3\n"
    assert anne.done("import", ANNE, str(tmp_path / "new.mbox"), "--skip-existing") == "imported 1 messages\n"


@pytest.mark.parametrize("form", ["maildir", "mbox"])
def test_message_that_can_not_be_read_keeps_no_other_back(anne: System, tmp_path: Path, form: str) -> None:
    anne.deliver(ANNE, b"Subject: lost\r\n\r\n")
    for segment in (anne.data_dir / "shards").rglob("*.seg"):
        segment.unlink()
    anne.deliver(ANNE, b"Subject: kept\r\n\r\n")
    done = anne.run("export", ANNE, str(tmp_path / "out"), "--format", form)
    assert (done.exit_code, done.stdout) == (1, "exported 1 messages from 1 mailbox; 1 could not be read\n")
    assert done.stderr.startswith("left out INBOX:1: ")
    anne.done("account", "add", BOB)
    source = tmp_path / "out" if form == "maildir" else tmp_path / "out" / "INBOX.mbox"
    assert anne.done("import", BOB, str(source)) == "imported 1 messages\n"


def test_exported_mail_is_new_where_the_stored_body_is_lost(anne: System, tmp_path: Path) -> None:
    anne.deliver(ANNE, b"X-Original-To: eve@example.net\r\nSubject: forged\r\n\r\nHello\r\n")
    anne.done("export", ANNE, str(tmp_path / "out"))
    for segment in (anne.data_dir / "shards").rglob("*.seg*"):
        segment.unlink()
    assert anne.done("import", ANNE, str(tmp_path / "out"), "--skip-existing") == "imported 1 messages\n"


def test_rehearsal_says_what_the_import_would_do(anne: System, tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes(b"From x\nSubject: one\n\n\nFrom x\nSubject: two\n\n\n")
    anne.done("import", ANNE, str(tmp_path / "a.mbox"))
    told = anne.done("import", ANNE, str(tmp_path / "a.mbox"), "--dry-run", "--skip-existing")
    assert told == "would import 0 messages, 0 B, leave out 2\n"
    for words in ((), ("--dry-run",)):
        assert "mean something else" in anne.refused(
            "import", ANNE, str(tmp_path / "a.mbox"), "--mailbox", "a*", *words
        )


def test_what_is_no_mail_is_refused(anne: System, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello\n")
    assert "is no mbox" in anne.refused("import", ANNE, str(tmp_path / "file"))
    (tmp_path / "empty").mkdir()
    assert "neither a Maildir" in anne.refused("import", ANNE, str(tmp_path / "empty"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert "is not empty" in anne.refused("export", ANNE, str(tmp_path / "full"))
    assert "is not empty" not in anne.done("export", ANNE, str(tmp_path / "new"))
