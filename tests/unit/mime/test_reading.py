"""`mda.mime.reading`: the fast way and the slow way show the same, and both what is there."""

from pathlib import Path

import pytest

from mda.mime.reading import Reader
from tests.requirements import require

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.eml"))
CORPUS = sorted((Path(__file__).parents[3] / "build" / "corpus").glob("*/*.eml"))


def check_equal(raw: bytes) -> None:
    reader = Reader()
    assert reader.read(raw, with_fields=True) == reader._read_slowly(raw, with_fields=True)
    assert reader.read(raw)[:5] == reader.read(raw, with_fields=True)[:5]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"], ids=["crlf", "lf"])
def test_fast_and_slow_way_show_the_same(path: Path, line_end: bytes) -> None:
    check_equal(path.read_bytes().replace(b"\r\n", line_end))


def test_corpus() -> None:
    require(bool(CORPUS), "the corpus of real mails", "make corpus")
    for path in CORPUS[::10]:
        check_equal(path.read_bytes())


def test_every_value() -> None:
    raw = (
        b"From: =?utf-8?Q?J=C3=BC?= <j@example.com>, g: x@y;\r\nTo: a@b, c@d\r\nSubject: =?utf-8?B?4oKs?= x\r\n"
        b"Date: Mon, 5 Jan 2026 10:00:00 +0100\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        b"--B\r\n\r\nplain\r\n--B\r\nContent-Type: TEXT/html; charset=latin1\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n"
        b"--B\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename=x.png\r\n\r\nAAEC\r\n--B--\r\n"
    )
    subject, senders, recipients, date, leaves, fields = Reader().read(raw, with_fields=True)
    assert subject == "\u20ac x"
    assert senders == (("J\u00fc", "j@example.com"), ("", "x@y"))
    assert recipients == (("", "a@b"), ("", "c@d"))
    assert date == (1767603600, 60)
    assert leaves == (
        ("text/plain", "", "plain"),
        ("text/html", "", "caf\u00e9"),
        ("image/png", "x.png", b"\x00\x01\x02"),
    )
    assert fields[0] == ("From", "J\u00fc <j@example.com>, g: x@y;")
    assert [name for name, _ in fields] == ["From", "To", "Subject", "Date", "Content-Type"]


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (b"Subject: a\0b\r\n\r\nx", "a\0b"),
        (b"Subject: =?utf-8?Q?a=00b?=\r\n\r\nx", "a\0b"),
        (b"Subject: =?iso-2022-jp?B?GyRCJCIbKEI=?=\r\n\r\nx", "\u3042"),
        (b"", ""),
        (b"Subject: " + b"x" * 100_000 + b"\r\n\r\n", "x" * 100_000),
    ],
    ids=["nul", "encoded nul", "foreign charset", "empty", "more than the room"],
)
def test_what_the_fast_way_leaves_over(raw: bytes, subject: str) -> None:
    assert Reader().read(raw)[0] == subject
    check_equal(raw)


def test_a_reader_keeps_nothing_of_the_message_before() -> None:
    reader = Reader()
    reader.read(b"Subject: first\r\nFrom: a@b\r\n\r\n" + b"x\xff" * 2_000_000)
    assert reader.read(b"\r\nbody") == ("", (), (), None, (("text/plain", "", "body"),), ())


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        (b'"a@b"@c', ['"a@b"@c']),
        (b'"a\\"b"@c', ['"a\\"b"@c']),
        (b"<Some One@c>", ['"Some One"@c']),
        (b"<a@b>text, <c@d>", ["a@b", "text", "c@d"]),
        (b"a=b/c@d", ["a=b/c@d"]),
    ],
)
def test_addresses_can_be_parsed_again(value: bytes, addresses: list[str]) -> None:
    raw = b"To: " + value + b"\r\n\r\nx"
    assert [address for _, address in Reader().read(raw)[2]] == addresses
    check_equal(raw)
