"""Known correspondents: noted from what the user has sent, and worth something where they are proven."""

import mailbox
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.conftest import System

ANNE = "anne@example.org"
SENT = b"From: anne@example.org\r\nTo: Ben <Ben@Example.net>, Team: cleo@example.net;\r\nSubject: x\r\n\r\nHello\r\n"
OURS = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.net\r\nReceived: by mx.example.org\r\n"


@pytest.fixture
def sent(anne: System) -> System:
    """Anne with a mailbox for what she has sent, and a milter whose word counts."""
    anne.done("mailbox", "create", ANNE, "Sent", "--role", "sent")
    text = anne.file.read_text()
    anne.file.write_text(text.replace('#authserv_id = ""', 'authserv_id = "mx.example.org"'))
    return anne


def known(system: System) -> list[str]:
    return sorted(found["address"] for found in system.listed("spam", "correspondent", "list", ANNE))


def score(system: System) -> float:
    newest = max(system.listed("message", "search", ANNE), key=lambda one: one["id"])
    return float(newest["spam_score"])


def test_what_is_put_into_sent_is_noted(sent: System) -> None:
    sent.deliver("anne+Sent@example.org", SENT)
    assert known(sent) == ["ben@example.net", "cleo@example.net"]


def test_what_is_imported_into_sent_is_noted(sent: System, tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "old.mbox")
    box.add(SENT)
    box.add(b"Received: by mx.example.org\r\n" + SENT.replace(b"cleo", b"dora"))
    box.flush()
    sent.done("import", ANNE, str(tmp_path / "old.mbox"), "--mailbox", "INBOX")
    assert known(sent) == []
    sent.done("import", ANNE, str(tmp_path / "old.mbox"), "--mailbox", "Sent")
    assert known(sent) == ["ben@example.net", "cleo@example.net"]


def test_what_came_from_elsewhere_is_not(sent: System) -> None:
    sent.deliver("anne+Sent@example.org", b"Received: by mx.example.org\r\n" + SENT)
    assert known(sent) == []
    assert sent.done("spam", "correspondent", "scan", ANNE) == "noted 0 correspondents; 0 were known\n"


def test_scan_finds_what_lies_in_sent(sent: System) -> None:
    sent.deliver("anne+Sent@example.org", SENT)
    sent.done("spam", "correspondent", "remove", ANNE, "ben@example.net")
    assert sent.done("spam", "correspondent", "scan", ANNE) == "noted 1 correspondents; 1 were known\n"


def test_proven_correspondent_is_less_likely_spam(sent: System, mail: Callable[..., None]) -> None:
    mail(extra=OURS)
    before = score(sent)
    sent.done("spam", "correspondent", "add", ANNE, "ben@example.net")
    mail(extra=OURS)
    assert score(sent) < before / 10
    mail()
    assert score(sent) > before / 2


def test_marks_on_proven_mail_say_less_of_mail_without_proof(sent: System, mail: Callable[..., None]) -> None:
    def weight_of_marks() -> float:
        newest = max(sent.listed("message", "search", ANNE), key=lambda one: one["id"])
        reasons = sent.listed("spam", "explain", ANNE, newest["id"])["reasons"]
        return float(next(one["weight"] for one in reasons if one["kind"] == "marks"))

    mail(extra=OURS)
    sent.done("spam", "learn", "--spam", ANNE, "INBOX:1")
    mail(extra=OURS)
    proven = weight_of_marks()
    mail(extra="Received: by mx.example.org\r\n")
    assert 0 < weight_of_marks() < 0.9 * proven


def test_mistakes_are_refused(anne: System) -> None:
    assert "no mailbox with role sent" in anne.refused("spam", "correspondent", "scan", ANNE)
    assert "is no correspondent" in anne.refused("spam", "correspondent", "remove", ANNE, "ben@example.net")
