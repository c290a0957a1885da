"""Whose word is believed: our milter's above the first Received, and one filter in front."""

import pytest

from mda.antispam.authentication import Proof
from mda.delivery import author
from mda.delivery.author import Sources
from mda.mime import brief
from mda.mime.header_block import HeaderBlock

OURS = "Authentication-Results: mx.example.org;\r\n\tdmarc=pass header.from=example.net\r\n"
HOP = "Received: by mx.example.org (Postfix)\r\n"
SOURCES = Sources("mx.example.org")


def read(header: str, sources: Sources = SOURCES, sender: str = "Ben <Ben@Example.NET>") -> author.Author:
    raw = f"{header}From: {sender}\r\nSubject: x\r\n\r\nText\r\n".encode()
    found, _ = brief.read(raw)
    return author.read(found.author, HeaderBlock(raw, found.header_table), sources)


@pytest.mark.parametrize(
    ("header", "expected"),
    [(OURS + HOP, Proof.PASSED), (HOP + OURS, Proof.NONE), (OURS, Proof.NONE), ("", Proof.NONE)],
)
def test_only_what_stands_above_received_is_believed(header: str, expected: Proof) -> None:
    assert read(header).proof is expected


def test_milter_that_strips_is_believed_everywhere() -> None:
    assert read(HOP + OURS, Sources("mx.example.org", authserv_strips=True)).proof is Proof.PASSED


@pytest.mark.parametrize("sender", ["a@example.net, b@example.net", "Team: a@example.net;", "nobody", ""])
def test_author_that_is_not_one_address_is_nobody(sender: str) -> None:
    found = read(OURS + HOP, sender=sender)
    assert (found.address, found.proof) == (None, Proof.NONE)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("X-Spam-Status: Yes, score=12\r\n", True),
        ("X-Spam-Status: No, score=-1\r\n", False),
        ("X-Spam-Status: No\r\nX-Spam-Status: Yes\r\n", None),
        ("X-Spam-Status: perhaps\r\n", None),
        ("", None),
    ],
)
def test_filter_in_front_is_asked_where_it_is_named(header: str, expected: bool | None) -> None:
    assert read(header, Sources(front_header="X-Spam-Status")).front is expected
    assert read(header).front is None
