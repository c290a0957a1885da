"""`mda mailbox` and `mda message`, on mail that came by the real delivery path."""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.cli.conftest import SENDER, System

ANNE = "anne@example.org"
Mail = Callable[..., None]


def subjects(system: System, *arguments: str) -> list[str]:
    return [one["subject"] for one in system.listed("message", *arguments)]


def test_mailboxes_are_created_listed_renamed_and_deleted(anne: System) -> None:
    assert "created mailbox Work/2026 with UIDVALIDITY" in anne.done("mailbox", "create", ANNE, "Work/2026")
    anne.done("mailbox", "create", ANNE, "Sent", "--role", "sent")
    listed = anne.listed("mailbox", "list", ANNE)
    assert [(one["name"], one["role"]) for one in listed] == [
        ("INBOX", "inbox"),
        ("Sent", "sent"),
        ("Work", None),
        ("Work/2026", None),
    ]
    assert set(listed[0]) == {
        *("name", "role", "messages", "unseen", "bytes", "uid_validity", "uid_next", "subscribed"),
    }
    assert anne.done("mailbox", "rename", ANNE, "Work", "Old") == "renamed mailbox Work to Old\n"
    assert anne.done("mailbox", "delete", ANNE, "Old/2026") == "deleted mailbox Old/2026 with 0 messages\n"
    assert [one["name"] for one in anne.listed("mailbox", "list", ANNE)] == ["INBOX", "Old", "Sent"]


def test_mailbox_with_mail_is_deleted_only_after_a_yes(anne: System, mail: Mail) -> None:
    mail()
    anne.done("mailbox", "create", ANNE, "Work")
    anne.done("message", "move", ANNE, "INBOX:1", "Work")
    no = anne.run("mailbox", "delete", ANNE, "Work", answer="n\n")
    assert no.exit_code == 1
    assert re.search(r"Work with 1 messages \(\d+ B\) will be deleted", no.stderr)
    assert anne.done("mailbox", "delete", ANNE, "Work", "--yes") == "deleted mailbox Work with 1 messages\n"
    assert "INBOX can't be deleted" in anne.refused("mailbox", "delete", ANNE, "inbox")
    assert "no mailbox Work" in anne.refused("mailbox", "delete", ANNE, "Work")


def test_list_shows_newest_first_up_to_a_limit(anne: System, mail: Mail) -> None:
    for subject in ("one", "=?utf-8?q?za=C5=BC=C3=B3=C5=82=C4=87?=", "three"):
        mail(subject)
    assert subjects(anne, "list", ANNE) == ["three", "zażółć", "one"]
    limited = anne.run("message", "list", ANNE, "--limit", "2")
    assert [line.split("\t")[0] for line in limited.stdout.splitlines()] == ["3", "2"]
    assert "2 of 3 messages" in limited.stderr
    first = anne.listed("message", "list", ANNE)[-1]
    assert (first["uid"], first["from"], first["to"], first["mailbox"]) == (1, "Ben <ben@example.net>", [ANNE], "INBOX")
    assert (first["preview"], first["flags"]) == ("Dear Anne", [])
    assert re.fullmatch(r"[0-9a-f]{16}", first["id"])
    assert "did you mean INBOX" in anne.refused("message", "list", ANNE, "--mailbox", "INBX")


def test_raw_is_byte_for_byte_what_came(anne: System) -> None:
    stored = b"Return-Path: <forged@evil.test>\r\nSubject: \xff\r\nX-MDA-Spam: no\r\n\r\n\x00\x80 text\r\n.\r\n\r\n"
    anne.deliver(ANNE, stored)
    assert anne.run("message", "raw", ANNE, "INBOX:1").stdout_bytes == stored
    identifier = anne.listed("message", "list", ANNE)[0]["id"]
    assert anne.run("message", "raw", ANNE, identifier).stdout_bytes == stored
    delivered = anne.run("message", "raw", ANNE, "INBOX:1", "--delivered").stdout_bytes
    assert delivered.startswith(f"Return-Path: <{SENDER}>\r\nDelivered-To: {ANNE}\r\n".encode())
    assert delivered.endswith(b"\r\nSubject: \xff\r\n\r\n\x00\x80 text\r\n.\r\n\r\n")
    assert b"forged" not in delivered
    assert delivered.count(b"X-MDA-Spam") == 1
    shown = anne.listed("message", "show", ANNE, "INBOX:1")
    assert shown["sha256"] == hashlib.sha256(stored).hexdigest()
    assert (shown["stored_size"], shown["delivered_size"]) == (len(stored), len(delivered))


def test_show_tells_verdict_place_and_defects(anne: System, mail: Mail) -> None:
    mail("=?utf-8?q?za=C5=BC?=", sender="=?utf-8?q?Ga=C5=BC?= <g@x.test>", extra="X-Odd: \x80\r\nDate: never\r\n")
    shown = anne.done("message", "show", ANNE, "INBOX:1")
    assert "Subject: zaż" in shown
    assert "From: Gaż <g@x.test>" in shown
    assert f"Delivered-To: {ANNE}" in shown
    assert re.search(r"^Spam +0\.\d{4} \(.*[+-]\d\.\d\d", shown, re.MULTILINE)
    assert re.search(r"^Shard +first, segment [0-9a-f]{16}, offset \d+, length \d+$", shown, re.MULTILINE)
    assert re.search(rf"^Segment +{anne.data_dir}/shards/first/.*\.seg$", shown, re.MULTILINE)
    assert re.search(r"^Defects +.*bad date", shown, re.MULTILINE)
    document = anne.listed("message", "show", ANNE, "INBOX:1")
    assert {"name": "Subject", "value": "zaż"} in document["header"]
    assert document["spam_reasons"]
    assert 0 < document["spam_score"] < 1


def test_mail_can_not_write_on_the_admins_terminal(anne: System, mail: Mail) -> None:
    mail("=?utf-8?q?=1B=5D0;owned=07=E2=80=AE?=", text="\x1b[2J\x1b]0;owned\x07 hello")
    for command in (("list", ANNE), ("show", ANNE, "INBOX:1"), ("search", ANNE), ("list", ANNE, "--json")):
        output = anne.done("message", *command)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", output), command
    assert r"\x1b]0;owned\x07\u202e" in anne.done("message", "list", ANNE)


SEARCHES: tuple[tuple[tuple[str, ...], list[str]], ...] = (
    ((), ["lunch", "Zażółć gęślą", "invoice"]),
    (("--subject", "INVOICE"), ["invoice"]),
    (("--subject", "zażółć GĘŚLĄ"), ["Zażółć gęślą"]),
    (("--from", "carol"), ["lunch"]),
    (("--from", "ben@example.net", "--subject", "invoice"), ["invoice"]),
    (("--to", ANNE), ["lunch", "Zażółć gęślą", "invoice"]),
    (("--to", "nobody"), []),
    (("--text", "first words"), ["invoice"]),
    (("--text", "carol"), ["lunch"]),
    (("--body", "needle at the end"), ["lunch"]),
    (("--text", "needle at the end"), []),
    (("--header", "list-id:Announce"), ["invoice"]),
    (("--header", "List-Id:"), ["invoice"]),
    (("--header", "X-None:"), []),
    (("--header", "List-Id:", "--header", "X-Two:gęślą"), ["invoice"]),
    (("--message-id", "<one@example.net>"), ["invoice"]),
    (("--message-id", "two@example.net"), []),
    (("--since", "1h"), ["lunch", "Zażółć gęślą", "invoice"]),
    (("--before", "1h"), []),
    (("--since", "2000-01-01", "--before", "2999-01-01T00:00"), ["lunch", "Zażółć gęślą", "invoice"]),
    (("--mailbox", "Work"), ["Zażółć gęślą"]),
    (("--mailbox", "Work", "--subject", "invoice"), []),
)


def test_search_finds_what_every_option_fits(searched: System) -> None:
    for options, found in SEARCHES:
        assert subjects(searched, "search", ANNE, *options) == found, options


@pytest.fixture
def searched(anne: System, mail: Mail) -> System:
    list_header = "List-Id: The announce list <announce.example.net>\r\nX-Two: =?utf-8?q?g=C4=99=C5=9Bl=C4=85?=\r\n"
    mail("invoice", text="First words of it", extra=f"{list_header}Message-ID: <one@example.net>\r\n")
    mail("=?utf-8?q?Za=C5=BC=C3=B3=C5=82=C4=87_g=C4=99=C5=9Bl=C4=85?=")
    mail("lunch", sender="carol@x.test", text="words " * 200 + "needle at the end")
    anne.done("mailbox", "create", ANNE, "Work")
    anne.done("message", "move", ANNE, "INBOX:2", "Work")
    return anne


def test_search_names_messages_as_other_commands_take_them(searched: System) -> None:
    found = searched.done("message", "search", ANNE, "--mailbox", "Work").split("\t")[0]
    assert found == "Work:1"
    assert "Zażółć gęślą" in searched.done("message", "show", ANNE, found)
    limited = searched.run("message", "search", ANNE, "--limit", "1", "--json")
    assert "1 messages and more" in limited.stderr


def test_move_and_expunge_say_what_they_did(anne: System, mail: Mail) -> None:
    for subject in ("one", "two", "three"):
        mail(subject)
    anne.done("mailbox", "create", ANNE, "Work")
    moved = anne.done("message", "move", ANNE, "INBOX:3", "inbox:1", "Work")
    assert moved.splitlines() == ["moved INBOX:1 to Work:1", "moved INBOX:3 to Work:2"]
    assert subjects(anne, "list", ANNE, "--mailbox", "Work") == ["three", "one"]
    identifier = anne.listed("message", "list", ANNE)[0]["id"]
    assert anne.done("message", "expunge", ANNE, identifier, "Work:1") == "expunged 2 messages\n"
    assert subjects(anne, "search", ANNE) == ["three"]
    assert "no message INBOX:2" in anne.refused("message", "move", ANNE, "INBOX:2", "Work")
    assert anne.listed("account", "list")[0]["used_messages"] == 1


NO_MESSAGES = (
    ("17", "'17' is not a whole EMAILID; it has 16 digits, like 0000000000000017"),
    ("xyz", "'xyz' is not a message; write MAILBOX:UID, or an EMAILID"),
    ("INBOX:0", "'INBOX:0' is not a message; write MAILBOX:UID, like INBOX:17"),
    ("INBOX:x", "'INBOX:x' is not a message"),
    ("INBOX:4294967296", "is not a message"),
    ("INBOX:7", "no message INBOX:7"),
    ("Nowhere:1", "no mailbox Nowhere"),
    ("00000000000000ff", "no message 00000000000000ff"),
)


def test_name_that_is_no_message_is_explained(anne: System) -> None:
    for name, error in NO_MESSAGES:
        assert error in anne.refused("message", "show", ANNE, name)


def test_damaged_body_is_named_and_never_printed(anne: System, mail: Mail) -> None:
    mail(text="precious " * 50)
    (segment,) = anne.data_dir.rglob("*.seg")
    place = anne.listed("message", "show", ANNE, "INBOX:1")
    octets = bytearray(segment.read_bytes())
    octets[place["offset"] + place["length"] - 10] ^= 0xFF
    segment.write_bytes(octets)
    error = anne.refused("message", "raw", ANNE, "INBOX:1")
    assert "a message of anne@example.org: shard " in error
    assert "shard first" in error
    assert "segment" in error
    assert subjects(anne, "list", ANNE) == ["Hello"], "a listing needs no body"


def test_dates_are_in_utc_for_programs(anne: System, mail: Mail) -> None:
    mail()
    told = datetime.fromisoformat(anne.listed("message", "list", ANNE)[0]["date"])
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=5)


def test_raw_takes_a_part_and_a_range(anne: System) -> None:
    picture = b"".join(b"%076d\r\n" % number for number in range(20_000))
    head = b'From: b@example.org\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n'
    stored = head + b"--x\r\n\r\ntext\r\n--x\r\nContent-Type: image/png\r\n\r\n" + picture + b"\r\n--x--\r\n"
    anne.deliver(ANNE, stored)
    assert anne.run("message", "raw", ANNE, "INBOX:1", "--part", "1").stdout_bytes == b"text"
    assert anne.run("message", "raw", ANNE, "INBOX:1", "--part", "2").stdout_bytes == picture
    assert anne.run("message", "raw", ANNE, "INBOX:1", "--range", "1000000:70").stdout_bytes == stored[1000000:1000070]
    assert "no part 3" in anne.refused("message", "raw", ANNE, "INBOX:1", "--part", "3")
    assert "exclude" in anne.refused("message", "raw", ANNE, "INBOX:1", "--part", "1", "--delivered")
    assert anne.run("message", "raw", ANNE, "INBOX:1", "--part", "0").exit_code == 2
    assert anne.run("message", "raw", ANNE, "INBOX:1", "--range", "5").exit_code == 2
