"""What becomes of each ambiguous or broken mail: nothing is lost, nothing slips past, the defect is noted with its
place, in CRLF and in LF."""

import base64
from dataclasses import dataclass
from typing import Any

import pytest

from mda.binding import NONE, examine
from mda.mime import message, part
from mda.mime.addresses import Group, Mailbox
from mda.mime.defects import Defect
from mda.mime.part import PartFlag

TOP = "From: a@example.org\nTo: b@example.test\nSubject: t\nDate: Mon, 5 Jan 2026 00:00:00 +0000\nMIME-Version: 1.0\n"
PLAIN = "Content-Type: text/plain\n\n"


@dataclass(frozen=True)
class Outcome:
    """What a reader sees: the leaves' text in order, the types of all parts, the subject."""

    texts: tuple[str, ...]
    types: tuple[str, ...]
    subject: str
    defects: Defect
    message: message.Message


def read(mail: str | bytes, line_end: str = "\n") -> Outcome:
    raw = mail if isinstance(mail, bytes) else mail.encode("utf-8")
    examination = examine(raw.replace(b"\n", line_end.encode()))
    found = message.read(examination)
    leaves = [each for each in found.parts if each.kind == part.Kind.LEAF]
    texts = tuple(part.text(examination, each.index).replace("\r\n", "\n") for each in leaves)
    types = tuple(each.content_type for each in found.parts)
    # A bare LF is a defect of every mail here in its LF form, and told elsewhere.
    return Outcome(texts, types, found.subject, Defect(found.defects & ~Defect.BARE_LF), found)


def multipart(boundary: str, body: str, content_type: str = "multipart/mixed") -> str:
    return f'{TOP}Content-Type: {content_type}; boundary="{boundary}"\n\n{body}'


def encoded(raw: bytes) -> str:
    return base64.encodebytes(raw).decode()


def one(headers: str, body: str) -> str:
    return f"{TOP}{headers}\n\n{body}"


def disposition(value: str) -> str:
    head = f"--B\nContent-Type: application/pdf\nContent-Disposition: {value}\n\n"
    return multipart("B", f"{head}x\n--B--\n")


TREES: dict[str, tuple[str, tuple[str, ...], Defect]] = {
    "no closing boundary": (
        multipart("B", f"--B\n{PLAIN}one\n--B\n{PLAIN}two\n"),
        ("one", "two\n"),
        Defect.NO_CLOSE_DELIMITER,
    ),
    "boundary never appears": (
        multipart("B", "just text\nno parts\n"),
        ("just text\nno parts\n",),
        Defect.NO_DELIMITER,
    ),
    "no boundary parameter": (
        one("Content-Type: multipart/mixed", f"--B\n{PLAIN}one\n--B--\n"),
        (f"--B\n{PLAIN}one\n--B--\n",),
        Defect.NO_BOUNDARY,
    ),
    "empty boundary": (
        one('Content-Type: multipart/mixed; boundary=""', "--\n\none\n----\n"),
        ("--\n\none\n----\n",),
        Defect.NO_BOUNDARY,
    ),
    "same boundary inside": (
        multipart(
            "B",
            '--B\nContent-Type: multipart/alternative; boundary="B"\n\n'
            f"--B\n{PLAIN}in1\n--B\n{PLAIN}in2\n--B--\n--B\n{PLAIN}after\n--B--\n",
        ),
        ("in1", "in2", "after"),
        Defect(0),
    ),
    "inner boundary longer than the outer": (
        multipart(
            "abc",
            '--abc\nContent-Type: multipart/mixed; boundary="abcd"\n\n'
            f"--abcd\n{PLAIN}in1\n--abcd--\n--abc\n{PLAIN}out2\n--abc--\n",
        ),
        ("in1", "out2"),
        Defect(0),
    ),
    "line that goes on after the boundary": (
        multipart("abc", f"--abc\n{PLAIN}one\n--abcdef\nstill one\n--abc--\n"),
        ("one\n--abcdef\nstill one",),
        Defect.BOUNDARY_PREFIX,
    ),
    "white space after delimiters": (multipart("B", f"--B  \t\n{PLAIN}one\n--B-- \n"), ("one",), Defect(0)),
    "outer delimiter closes the inner": (
        multipart(
            "OUT",
            "--OUT\nContent-Type: multipart/alternative; boundary=IN\n\n"
            f"--IN\n{PLAIN}in1\n--OUT\n{PLAIN}out2\n--OUT--\n",
        ),
        ("in1", "out2"),
        Defect.CLOSED_BY_OUTER,
    ),
    "two Content-Type": (
        one("Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=B", "--B\n\nx\n--B--\n"),
        ("--B\n\nx\n--B--\n",),
        Defect.SECOND_CONTENT_TYPE,
    ),
    "two boundaries": (
        one("Content-Type: multipart/mixed; boundary=A; boundary=B", f"--A\n{PLAIN}A\n--B\nB\n--A--\n"),
        ("A\n--B\nB",),
        Defect.SECOND_PARAMETER,
    ),
    "two encodings": (
        one("Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64", "aGVsbG8=\n"),
        ("aGVsbG8=\n",),
        Defect.SECOND_ENCODING,
    ),
    "encoding with junk": (
        one("Content-Transfer-Encoding: base64 (x); foo", "aGVsbG8=\n"),
        ("hello",),
        Defect.BAD_ENCODING,
    ),
    "truncated base64": (
        one("Content-Transfer-Encoding: base64", "aGVsbG8gd29ybG\n"),
        ("hello worl",),
        Defect.BASE64_TRUNCATED,
    ),
    "data after padding": (
        one("Content-Transfer-Encoding: base64", "aGVsbG8=d29ybGQ=\n"),
        ("hello",),
        Defect.BASE64_AFTER_PADDING,
    ),
    "bad quoted-printable": (
        one("Content-Transfer-Encoding: quoted-printable", "a=ZZ b=4 c=c3=A9 d= \ne  \nf=3D="),
        ("a=ZZ b=4 c\u00e9 de\nf==",),
        Defect.BAD_QUOTED_PRINTABLE,
    ),
    "encoded multipart": (
        one(
            "Content-Type: multipart/mixed; boundary=B\nContent-Transfer-Encoding: base64", f"--B\n{PLAIN}one\n--B--\n"
        ),
        ("one",),
        Defect.ENCODED_MULTIPART,
    ),
    "headers run into a delimiter": (
        multipart("B", f"--B\nContent-Type: text/plain\n--B\n{PLAIN}two\n--B--\n"),
        ("", "two"),
        Defect.HEADER_NO_BLANK_LINE,
    ),
    "comments in Content-Type": (
        one('Content-Type: (c) multipart (x) / mixed (y) ; (z) boundary (w) = (v) "B"', f"--B\n{PLAIN}one\n--B--\n"),
        ("one",),
        Defect(0),
    ),
    "escaped quote in a boundary": (
        one('Content-Type: multipart/mixed; boundary="a\\"b"', f'--a"b\n{PLAIN}one\n--a"b--\n'),
        ("one",),
        Defect(0),
    ),
    "unquoted specials in a boundary": (
        one("Content-Type: multipart/mixed; boundary=a=b/c?d", f"--a=b/c?d\n{PLAIN}one\n--a=b/c?d--\n"),
        ("one",),
        Defect(0),
    ),
    "part after the close delimiter": (
        multipart("B", f"--B\n{PLAIN}one\n--B--\nepilogue\n--B\nContent-Type: application/x-evil\n\nhidden\n--B--\n"),
        ("one",),
        Defect.PART_AFTER_CLOSE,
    ),
    "boundary in segments": (
        one("Content-Type: multipart/mixed; boundary*0=A; boundary*1=B", f"--AB\n{PLAIN}one\n--AB--\n"),
        ("one",),
        Defect(0),
    ),
    "digest": (
        multipart("B", "--B\n\nSubject: in digest\n\nbody\n--B--\n", "multipart/digest"),
        ("body",),
        Defect(0),
    ),
    "UTF-16": (
        one(
            "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64",
            encoded("hé€".encode("utf-16")),
        ),
        ("hé€",),
        Defect(0),
    ),
    "leading blank line": ("\nSubject: x\n\nbody\n", ("Subject: x\n\nbody\n",), Defect(0)),
    "empty": ("", ("",), Defect(0)),
}


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
@pytest.mark.parametrize("case", TREES)
def test_leaves(case: str, line_end: str) -> None:
    mail, texts, defects = TREES[case]
    outcome = read(mail, line_end)
    assert outcome.texts == texts
    assert outcome.defects & ~Defect.REPEATED_FIELD == defects
    places = outcome.message.examination.defect_offsets
    assert [bool(outcome.message.defects >> bit & 1) for bit in range(len(places))] == [at != NONE for at in places]


def test_mixed_line_ends_keep_both_parts() -> None:
    outcome = read(multipart("B", f"--B\n{PLAIN}one\n--B\r\n{PLAIN}two\n--B--\n").encode())
    assert outcome.texts == ("one", "two")
    assert outcome.message.defects & Defect.BARE_LF


def wrapped(mail: bytes) -> bytes:
    return b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(mail)


def test_encoded_message_is_parsed_and_flagged() -> None:
    inner = b"Subject: inner\r\nContent-Type: text/html\r\n\r\n<b>inner</b> body\0\r\n"
    mail = b'Content-Type: multipart/mixed; boundary="B"\r\n\r\n--B\r\n' + wrapped(inner) + b"\r\n--B--\r\n"
    outcome = read(mail)
    examination = outcome.message.examination
    assert outcome.types == ("multipart/mixed", "message/rfc822", "text/html")
    assert outcome.texts == ("<b>inner</b> body\0\n",)
    assert outcome.defects == Defect.ENCODED_MESSAGE | Defect.NUL
    assert outcome.message.parts[2].source == part.Source.DECODED
    assert part.content(examination, 1) == inner
    assert b'"inner" NIL NIL' in outcome.message.body_structure
    assert outcome.message.preview == "inner body"
    assert examination.defect_offsets[20] == outcome.message.parts[1].body  # where the NUL is hidden
    assert outcome.message.structure[4] == 2


def test_encoded_messages_nest_three_deep() -> None:
    mail = b"Subject: core\r\n\r\ntext"
    for _ in range(5):
        mail = wrapped(mail)
    outcome = read(mail)
    assert outcome.types == ("message/rfc822",) * 4
    assert outcome.defects == Defect.ENCODED_MESSAGE | Defect.TOO_DEEP
    assert PartFlag.OPAQUE in outcome.message.parts[3].flags


def test_junk_in_base64_is_skipped() -> None:
    mail = one("Content-Transfer-Encoding: base64", "").encode() + b"aGV!sb*G8g\xffd29y bGQ=\n"
    outcome = read(mail)
    assert outcome.texts == ("hello world",)
    assert outcome.defects == Defect.BASE64_JUNK
    assert outcome.message.examination.defect_offsets[10] == mail.index(b"!")


@pytest.mark.parametrize(
    ("value", "name", "defects"),
    [
        ("attachment; filename*1*=%20two; filename*0*=utf-8''%E2%82%AC; filename*2=\".pdf\"", "€ two.pdf", Defect(0)),
        (
            'attachment; filename="plain.txt"; filename*0="a"; filename*2="c.exe"',
            "plain.txt",
            Defect.BAD_PARAMETER | Defect.PARAMETER_FORMS,
        ),
        ("attachment; filename=plain.txt; filename*=utf-8''ext.exe", "ext.exe", Defect.PARAMETER_FORMS),
        ('attachment; filename="=?utf-8?B?4oKsLnBkZg==?="', "€.pdf", Defect(0)),
        ("attachment; filename=my report (1).pdf", "my report (1).pdf", Defect(0)),
        ("attachment; filename*=iso-2022-jp''%1B%24B%3B3%1B%28B.txt", "山.txt", Defect(0)),
        ("attachment; filename=" + "a" * 3000, "a" * 3000, Defect(0)),
        ("attachment; filename=", "", Defect(0)),
    ],
)
@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_file_names(value: str, name: str, defects: Defect, line_end: str) -> None:
    outcome = read(disposition(value), line_end)
    assert outcome.message.parts[1].filename == name
    assert outcome.defects == defects
    assert outcome.message.has_attachment


@pytest.mark.parametrize(
    ("header", "subject", "defects"),
    [
        (b"=?utf-8?B?4oI=?=\n =?utf-8?B?rA==?=", "€", Defect(0)),
        (b"a =?utf-8?Q?b?= =?utf-8?Q?c?= d", "a bc d", Defect(0)),
        (b"a =?utf-8?Q?b?= =?utf-8?Q?c?= d=?utf-8?Q?e?=f", "a bc def", Defect(0)),
        (b"=?utf-8?Q?hello world?= z", "hello world z", Defect.BAD_ENCODED_WORD),
        (b"=?utf-8?Q?hel\n lo?= z", "hel lo z", Defect.BAD_ENCODED_WORD),
        (b"=?x-nope?Q?caf=E9?=", "café", Defect.UNKNOWN_CHARSET),
        ("café".encode(), "café", Defect.HEADER_8BIT),
        ("café".encode("latin-1"), "café", Defect.HEADER_8BIT),
        (b"a\0b", "a\0b", Defect.NUL),
        (b"one\rX-Injected: yes", "one X-Injected: yes", Defect.BARE_CR),
        (b"=?utf-8*en?q?lang?=", "lang", Defect(0)),
        (b"=?utf-8?Q?=E2=82?= x", "\ufffd\ufffd x", Defect.BAD_CHARSET),
        (b"=?gb2312?B?1tDOxA==?= =?big5?B?pKQ=?=", "中文中", Defect(0)),
        (b"=?utf-8?X?abc?= =?utf-8?Q?open", "=?utf-8?X?abc?= =?utf-8?Q?open", Defect(0)),
        (b"  folded\n\tover\n  lines  ", "folded\tover  lines", Defect(0)),
    ],
)
@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_subjects(header: bytes, subject: str, defects: Defect, line_end: str) -> None:
    outcome = read(b"Subject: " + header + b"\n\nx\n", line_end)
    assert outcome.subject == subject
    assert outcome.defects == defects
    assert [field.name for field in outcome.message.fields] == ["Subject"]


@pytest.mark.parametrize(
    ("headers", "names", "defects"),
    [
        ("Subject: s\nthis line has no colon\nFrom: x@y\n", ["Subject", "From"], Defect.HEADER_NO_COLON),
        ("Subject : s\nFrom\t: x@y\n", ["Subject", "From"], Defect.HEADER_SPACE),
        ("Subject: s\n \nFrom: x@y\n", ["Subject", "From"], Defect(0)),
        ("From: a@x\nSubject: a\nFrom: b@x\n", ["From", "Subject", "From"], Defect.REPEATED_FIELD),
        (" lost\nSubject: s\n", ["Subject"], Defect.HEADER_NO_COLON),
    ],
)
@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_header_lines(headers: str, names: list[str], defects: Defect, line_end: str) -> None:
    outcome = read(headers + "\nbody\n", line_end)
    assert [field.name for field in outcome.message.fields] == names
    assert (outcome.texts, outcome.defects) == (("body\n",), defects)


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_headers_alone(line_end: str) -> None:
    outcome = read("Subject: x", line_end)
    assert (outcome.subject, outcome.texts, outcome.defects) == ("x", ("",), Defect(0))
    assert outcome.message.parts[0].body == len("Subject: x")


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_nul_is_an_octet_as_any(line_end: str) -> None:
    outcome = read("Subject: a\0b\nFrom: x@y\n\nbo\0dy\n", line_end)
    assert (outcome.subject, outcome.texts, outcome.defects) == ("a\0b", ("bo\0dy\n",), Defect.NUL)
    assert outcome.message.addresses("From") == (Mailbox("", "x", "y"),)


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_what_8bit_names_say(line_end: str) -> None:
    for octets in ("café".encode(), "café".encode("latin-1")):
        outcome = read(b"From: " + octets + b" <j@x.test>\n\nx\n", line_end)
        assert outcome.message.addresses("From") == (Mailbox("café", "j", "x.test"),)
        assert outcome.defects == Defect.HEADER_8BIT


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_groups_keep_their_members(line_end: str) -> None:
    readers = 'Friends: a@b, "X, Y" <c@d>;, =?utf-8?Q?J=C3=BC?= <e@f>'
    outcome = read(f'To: {readers}\nFrom: "a@b" <real@c>\n\nx\n', line_end)
    friends = Group("Friends", (Mailbox("", "a", "b"), Mailbox("X, Y", "c", "d")))
    assert outcome.message.addresses("To") == (friends, Mailbox("Jü", "e", "f"))
    assert outcome.message.addresses("From") == (Mailbox("a@b", "real", "c"),)
    assert outcome.defects == Defect(0)


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_first_subject_and_all_senders_count(line_end: str) -> None:
    outcome = read("From: first@x\nFrom: second@x\nSubject: a\nSubject: b\n\nx\n", line_end)
    assert outcome.subject == "a"
    assert outcome.message.addresses("From") == (Mailbox("", "first", "x"), Mailbox("", "second", "x"))
    assert outcome.defects == Defect.REPEATED_FIELD


def test_bare_cr_is_no_line_end() -> None:
    outcome = read(multipart("B", "").replace("\n", "\r\n").encode() + b"--B\r\rone\r--B--\r")
    assert (outcome.types, outcome.defects) == (
        ("text/plain",),
        Defect.NO_DELIMITER | Defect.BARE_CR | Defect.BOUNDARY_PREFIX,
    )


@pytest.mark.parametrize(
    ("charset", "raw", "text", "defects"),
    [
        ("x-nope", b"caf\xe9", "café", Defect.UNKNOWN_CHARSET),
        ("us-ascii", b"caf\xe9", "café", Defect(0)),
        ("us-ascii", "café".encode(), "café", Defect(0)),
        ("iso-8859-2", b"\xb3\xb1", "łą", Defect(0)),
        ("windows-1250", b"\xb3\xb9", "łą", Defect(0)),
        ("ISO-8859-1", b"\x80 5", "€ 5", Defect(0)),
        ("koi8-r", b"\xc4\xc1", "да", Defect(0)),
        ("utf-8", b"a\xff", "a\ufffd", Defect.BAD_CHARSET),
        ("gb2312", b"\xd6\xd0", "中", Defect(0)),
        ("utf-7", b"+AOk-", "é", Defect(0)),
    ],
)
def test_text_charsets(charset: str, raw: bytes, text: str, defects: Defect) -> None:
    outcome = read(f"Content-Type: text/plain; charset={charset}\n\n".encode() + raw)
    assert (outcome.texts, outcome.defects) == ((text,), defects)


def nested(count: int) -> str:
    opened = "".join(f'Content-Type: multipart/mixed; boundary="{i}"\n\n--{i}\n' for i in range(count))
    return f"{TOP}{opened}{PLAIN}deep\n"


@pytest.mark.parametrize(
    ("mail", "count", "defect"),
    [
        (nested(100), 101, Defect(0)),
        (nested(1000), 101, Defect.TOO_DEEP),
        (TOP + "Content-Type: message/rfc822\n\n" * 5000 + PLAIN, 101, Defect.TOO_DEEP),
        (multipart("a", "--a\nx:y\n\n" * 20000), 10000, Defect.TOO_MANY_PARTS),
    ],
    ids=["deep 100", "deep 1000", "messages in messages", "siblings"],
)
def test_limits_of_the_tree(mail: str, count: int, defect: Defect) -> None:
    outcome = read(mail)
    assert len(outcome.types) == count
    assert outcome.defects & (Defect.TOO_DEEP | Defect.TOO_MANY_PARTS) == defect
    assert outcome.message.parts[0].end == len(mail)


@pytest.mark.parametrize(
    ("mail", "defect", "count"),
    [
        ("X-A: y\n" * 100_001 + "\nx", Defect.TOO_MANY_HEADERS, lambda found: len(found.fields) == 100_000),
        (
            "Content-Type: text/plain" + "".join(f";\n n{i}=a" for i in range(200)) + "\n\nx",
            Defect.TOO_MANY_PARAMETERS,
            lambda found: len(found.parts[0].parameters) == 128,
        ),
        (
            "To: " + "a@b," * 10_001 + "\n\nx",
            Defect.TOO_MANY_ADDRESSES,
            lambda found: found.envelope.count(b'"a"') == 10_000,
        ),
    ],
    ids=["headers", "parameters", "addresses"],
)
def test_limits_of_tables(mail: str, defect: Defect, count: Any) -> None:
    outcome = read(mail)
    assert outcome.defects & defect
    assert count(outcome.message)
