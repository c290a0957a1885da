"""Received fields as many programs write them."""

from datetime import datetime

import pytest

from mda.binding import examine
from mda.mime import message
from mda.mime.received import Received

DATE = "Mon, 5 Jan 2026 10:00:00 +0100"
MOMENT = datetime.fromisoformat("2026-01-05T10:00:00+01:00")


def received(value: str) -> Received:
    (found,) = message.read(examine(f"Received: {value}\r\n\r\n".encode())).received
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "from mx.example.test (mx.example.test [192.0.2.1])\r\n\tby mx.example.org (Postfix)"
            f"\r\n\twith ESMTPS id 4A2B for <anna@example.org>; {DATE} (CET)",
            Received(
                "mx.example.test",
                "mx.example.test [192.0.2.1]",
                "mx.example.org",
                "",
                "ESMTPS",
                "4A2B",
                "anna@example.org",
                MOMENT,
            ),
        ),
        (
            f"by mx.example.org (Postfix, from userid 1000) id 4A2B; {DATE}",
            Received("", "", "mx.example.org", "", "", "4A2B", "", MOMENT),
        ),
        (
            f"from a [192.0.2.1] by b.test via TCP with SMTP (a; b) id <x@y>; {DATE}",
            Received("a", "[192.0.2.1]", "b.test", "TCP", "SMTP", "x@y", "", MOMENT),
        ),
        (
            f"FROM by.example.test BY from.example.org FOR anna@example.org; {DATE}",
            Received("by.example.test", "", "from.example.org", "", "", "", "anna@example.org", MOMENT),
        ),
        (f"(qmail 45116 invoked from network); {DATE}", Received("", "", "", "", "", "", "", MOMENT)),
        ("from a by b", Received("a", "", "b", "", "", "", "", None)),
        ("from a by b; tomorrow", Received("a", "", "b", "", "", "", "", None)),
        ("", Received("", "", "", "", "", "", "", None)),
    ],
)
def test_clauses(value: str, expected: Received) -> None:
    assert received(value) == expected


def test_newest_first() -> None:
    mail = f"Received: by b; {DATE}\r\nSubject: x\r\nReceived: by a; {DATE}\r\n\r\n".encode()
    assert [found.by_host for found in message.read(examine(mail)).received] == ["b", "a"]


@pytest.mark.parametrize("hostile", ["[" * 100_000, "(" * 100_000, '"' * 99_999, "from " * 50_000, ";" * 100_000])
def test_hostile_fields_are_read_up_to_a_limit(hostile: str) -> None:
    assert received(hostile).received_at is None
