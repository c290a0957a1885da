"""`mda.mime.reading`: the fast way and the slow way show the same, and both what is there."""

import base64
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
    for path in CORPUS:
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
def test_subjects_unlike_others(raw: bytes, subject: str) -> None:
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


@pytest.mark.parametrize(
    "raw",
    [
        b"From: \xa6n\xae@x.y\r\nTo: a@\xb1\xb2, \xc3\xbc@\xb1\r\n\r\nx",
        b"To: =?big5?Q?=A4=A4?= <\xa4\xa4@x>\r\nSubject: \xa4\xa4 =?iso-2022-jp?B?GyRCJCIbKEI=?=\r\n\r\nx",
        b"Content-Type: te\xa6t/pl\xc3\xbcain; name=\xa6\xa6\r\n\r\nx\xa6",
        b"Content-Type: T\xc3\x89XT/PL\xc3\x84in\r\n\r\nx",
        b"Content-Type: te\xa6T/PL\xc3\x84in\r\n\r\nx",
        b"Content-Type: a\xa6/\xffiso-2022-jp\xfe1b2442242262\xfd\r\n\r\nx",
        b"Content-Type: text/plain; charset=\xa6\r\n\r\nx\xa6",
        b"Content-Type: text/plain; charset=euc-jp; name*=big5''%A4%A4\r\n\r\n\xa4\xa2",
        b"\xa6: x\r\nX-\xa6: y\r\nDate: Fri, 31 Dec 9999 23:59:59 -2359\r\n\r\nx",
    ],
    ids=[
        *("addresses", "marks and raw octets", "type", "type beyond ASCII", "type half in UTF-8", "type like a mark"),
        *("charset", "foreign charset", "field name"),
    ],
)
def test_octets_that_are_no_utf8(raw: bytes) -> None:
    check_equal(raw)


def test_types_are_without_case_in_ascii_alone() -> None:
    raw = b"Content-Type: T\xc3\x89XT/PL\xc3\x84in\r\n\r\nx"
    inner = base64.encodebytes(raw).replace(b"\n", b"\r\n")
    slow = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + inner
    for one in (raw, slow):
        assert Reader().read(one)[4][0][0] == "t\u00c9xt/pl\u00c4in"


def test_numbers_of_any_size() -> None:
    """A date after 2038, which takes more than 32 bits, and more addresses than tuples have opcodes for."""
    raw = b"To: a@b, c@d, e@f, g@h\r\nDate: Fri, 31 Dec 2100 23:59:59 +0000\r\n\r\nx"
    found = Reader().read(raw)
    assert [address for _, address in found[2]] == ["a@b", "c@d", "e@f", "g@h"]
    assert found[3] == (4133980799, 0)
