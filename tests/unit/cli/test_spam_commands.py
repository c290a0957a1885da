"""`mda spam learn` and `forget` on stored messages and on files."""

import mailbox
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.conftest import System


@pytest.fixture
def mbox(tmp_path: Path) -> Path:
    place = tmp_path / "old.mbox"
    box = mailbox.mbox(place)
    for number in range(3):
        box.add(f"From: a{number}@example.net\nSubject: number {number}\n\nFrom here on text\n\nFrom there\n".encode())
    box.flush()
    return place


def test_stored_message_is_learned_once(anne: System, mail: Callable[..., None]) -> None:
    mail(subject="Cheap watches")
    assert anne.done("spam", "learn", "--spam", "anne@example.org", "INBOX:1") == "learned 1 messages as spam\n"
    again = anne.done("spam", "learn", "--spam", "anne@example.org", "INBOX:1")
    assert again == "learned 0 messages as spam; 1 were marked so already\n"
    assert anne.done("spam", "forget", "anne@example.org", "INBOX:1") == "forgot 1 marks\n"
    assert anne.done("spam", "forget", "anne@example.org", "INBOX:1") == "forgot 0 marks; 1 had no such mark\n"


def test_mbox_is_learned_message_by_message(anne: System, mbox: Path) -> None:
    assert anne.done("spam", "learn", "--ham", "anne@example.org", str(mbox)) == "learned 3 messages as ham\n"
    assert anne.done("spam", "forget", "--spam", "anne@example.org", str(mbox)).startswith("forgot 0 marks")
    assert anne.done("spam", "forget", "anne@example.org", str(mbox)) == "forgot 3 marks\n"


def test_maildir_folder_and_file_are_learned(anne: System, tmp_path: Path) -> None:
    made = mailbox.Maildir(tmp_path / "Maildir", create=True)
    made.add(b"Subject: one\n\ntext\n")
    made.add(b"Subject: two\n\ntext\n")
    one = tmp_path / "one.eml"
    one.write_bytes(b"Subject: one\r\n\r\ntext\r\n")
    done = anne.done("spam", "learn", "--spam", "anne@example.org", str(tmp_path / "Maildir"), str(one))
    assert done == "learned 2 messages as spam\n"


def test_what_is_nothing_is_refused(anne: System, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "is neither a message nor a file" in anne.refused("spam", "learn", "--spam", "anne@example.org", "nothing")
    assert "holds no messages" in anne.refused("spam", "learn", "--ham", "anne@example.org", str(tmp_path / "empty"))
    assert anne.run("spam", "learn", "anne@example.org", "INBOX:1").exit_code == 2


def test_verdict_is_explained_in_the_messages_own_words(anne: System, mail: Callable[..., None]) -> None:
    mail(subject="Cheap watches", text="Buy cheap watches today", sender="shop@offers.example")
    anne.done("spam", "learn", "--spam", "anne@example.org", "INBOX:1")
    mail(subject="Cheap watches", text="Buy cheap watches today", sender="shop@offers.example")
    name = max(anne.listed("message", "search", "anne@example.org"), key=lambda one: one["id"])["id"]
    document = anne.listed("spam", "explain", "anne@example.org", name)
    assert len(document["model"]) == 12
    assert document["reasons"][0]["kind"] == "marks"
    assert any(reason["where"] == "Subject" and "watches" in reason["text"].lower() for reason in document["reasons"])
    shown = anne.done("spam", "explain", "anne@example.org", name)
    assert max(map(len, shown.splitlines())) <= 80
    reasons = [line[9:] for line in shown.splitlines() if line[2:3] in "+-" and ": " in line]
    assert len(reasons) == len(set(reasons)) < len(document["reasons"])
    assert "  marks" in shown
    raw = anne.done("message", "raw", "--delivered", "anne@example.org", name)
    spam_field = next(line for line in raw.splitlines() if line.startswith("X-MDA-Spam"))
    assert "watches" not in spam_field


CIRCULAR = (
    "the garden shop sells cheap watches and fine roses at half the price this friday so come and see all of them"
    " before noon or order by mail at once while there are some left for you and for everybody in your house"
)


def test_campaign_is_learned_as_one(anne: System, mail: Callable[..., None]) -> None:
    for number in range(4):
        mail(subject="Only this friday", text=f"{CIRCULAR} number{number}", sender=f"shop{number}@offers.example")
    mail(subject="Lunch", text="shall we meet for lunch tomorrow at the usual place " * 5)
    found = anne.listed("spam", "explain", "anne@example.org", "INBOX:4")
    assert found["copies"] == 3
    assert anne.listed("spam", "explain", "anne@example.org", "INBOX:5")["copies"] == 0
    assert "campaign: 3 like it" in anne.done("spam", "explain", "anne@example.org", "INBOX:4")
    done = anne.done("spam", "learn", "--spam", "--campaign", "anne@example.org", "INBOX:2")
    assert done == "learned 4 messages as spam\n"


def test_truncated_table_of_campaigns_costs_nothing_else(anne: System, mail: Callable[..., None]) -> None:
    mail(text=CIRCULAR)
    table = anne.data_dir / "spam" / "campaigns.table"
    for junk in (b"", b"\xff" * 5000):
        table.write_bytes(junk)
        mail(text=CIRCULAR)
    assert len(anne.listed("message", "list", "anne@example.org")) == 3


@pytest.mark.parametrize("name", ["", "x" * 300])
def test_word_that_names_nothing_is_no_folder(anne: System, name: str) -> None:
    for verb in ("learn", "forget"):
        assert "is neither a message nor a file" in anne.refused("spam", verb, "--spam", "anne@example.org", name)
