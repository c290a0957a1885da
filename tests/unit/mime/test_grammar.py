"""Mails built from a grammar are found again, value by value: trees, names, texts, octets, subjects, addresses, dates.

What is built is well-formed, so that each value has one reading; malformed mail has tests of its own.
"""

import base64
import quopri
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from mda.binding import examine
from mda.mime import message, part, stored
from mda.mime.addresses import Group, Mailbox
from mda.mime.part import Kind

LETTERS = "abcdefghijklmnopqrstuvwxyz"
TEXT = st.text(st.sampled_from(LETTERS + "ABC 0123.,=?_-żółć€日本\u00a0"), max_size=60)
WORD = st.text(st.sampled_from(LETTERS + "ABC0123żół€"), min_size=1, max_size=8)
WORDS = st.lists(WORD, min_size=1, max_size=6).map(" ".join)
ATOM = st.text(st.sampled_from(LETTERS + "0123456789-_"), min_size=1, max_size=10)
HOST = st.lists(st.text(st.sampled_from(LETTERS), min_size=1, max_size=8), min_size=2, max_size=3).map(".".join)


@dataclass(frozen=True)
class Leaf:
    """What is expected of a leaf, and how it is written."""

    content: str | bytes
    filename: str
    raw: bytes


def encode(octets: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return base64.encodebytes(octets).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        return quopri.encodestring(octets, quotetabs=True).replace(b"\n", b"\r\n")
    return octets


def encoded_word(text: str, charset: str, form: str) -> str:
    octets = text.encode(charset)
    if form == "B":
        return f"=?{charset}?B?{base64.b64encode(octets).decode()}?="
    return f"=?{charset}?Q?{''.join(f'={octet:02X}' for octet in octets)}?="


@st.composite
def filenames(draw: st.DrawFn) -> tuple[str, str]:
    """A name, and parameters of Content-Disposition that give it."""
    name = draw(WORDS)
    match draw(st.sampled_from(["none", "quoted", "extended", "segments"])):
        case "quoted" if name.isascii():
            return name, f'; filename="{name}"'
        case "quoted" | "extended":
            return name, f"; filename*=utf-8''{quote(name)}"
        case "segments":
            cut = draw(st.integers(0, len(name)))
            return name, f"; filename*1*={quote(name[cut:])};\r\n filename*0*=utf-8''{quote(name[:cut])}"
    return "", ""


@st.composite
def leaves(draw: st.DrawFn) -> Leaf:
    filename, parameters = draw(filenames())
    disposition = f"Content-Disposition: attachment{parameters}\r\n" if filename else ""
    if draw(st.booleans()):
        octets = draw(st.binary(max_size=90))
        head = f"Content-Type: application/octet-stream\r\n{disposition}Content-Transfer-Encoding: base64\r\n\r\n"
        return Leaf(octets, filename, head.encode() + encode(octets, "base64"))
    text = draw(TEXT)
    charset = draw(st.sampled_from(["utf-8", "utf-16be", "iso-8859-2", "gb18030"]))
    if charset == "iso-8859-2":
        text = text.encode(charset, "ignore").decode(charset)
    encoding = draw(st.sampled_from(["base64", "quoted-printable"] + ["8bit"] * (charset == "utf-8")))
    content_type = f'Content-Type: text/plain;\r\n\tcharset="{charset}"\r\n'
    head = f"{content_type}{disposition}Content-Transfer-Encoding: {encoding}\r\n\r\n"
    return Leaf(text, filename, head.encode() + encode(text.encode(charset), encoding))


@dataclass(frozen=True)
class Tree:
    raw: bytes
    leaves: tuple[Leaf, ...]
    count: int


@st.composite
def multiparts(draw: st.DrawFn, children: st.SearchStrategy[Tree]) -> Tree:
    inside = draw(st.lists(children, min_size=1, max_size=3))
    boundary = f"b{draw(st.integers(0, 10**9))}-{sum(child.count for child in inside)}"
    kind = draw(st.sampled_from(["mixed", "alternative", "related"]))
    raw = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\npreamble\r\n'.encode()
    for child in inside:
        raw += f"--{boundary}\r\n".encode() + child.raw + b"\r\n"
    raw += f"--{boundary}--\r\nepilogue".encode()
    return Tree(raw, tuple(leaf for child in inside for leaf in child.leaves), 1 + sum(child.count for child in inside))


def in_message(tree: Tree) -> Tree:
    return Tree(b"Content-Type: message/rfc822\r\n\r\nSubject: within\r\n" + tree.raw, tree.leaves, tree.count + 1)


TREES: st.SearchStrategy[Tree] = st.recursive(
    leaves().map(lambda leaf: Tree(leaf.raw, (leaf,), 1)),
    lambda children: multiparts(children) | children.map(in_message),
    max_leaves=6,
)


@given(tree=TREES)
@settings(max_examples=150)
def test_trees(tree: Tree) -> None:
    examination = examine(tree.raw)
    parts = part.read_parts(examination)
    found = [leaf for leaf in parts if leaf.kind is Kind.LEAF]
    assert len(parts) == tree.count
    assert [leaf.filename for leaf in found] == [leaf.filename for leaf in tree.leaves]
    for leaf, expected in zip(found, tree.leaves, strict=True):
        if isinstance(expected.content, str):
            assert part.text(examination, leaf.index) == expected.content
        else:
            assert part.content(examination, leaf.index) == expected.content
    assert not examination.defects
    assert len(stored.read(examination.structure)) == tree.count


@st.composite
def headers(draw: st.DrawFn) -> tuple[str, str]:
    """A text, and a field value that says it."""
    words = draw(st.lists(WORD, min_size=1, max_size=6))
    written: list[str] = []
    is_encoded = False
    for index, word in enumerate(words):
        before_encoded, is_encoded = is_encoded, not word.isascii() or draw(st.booleans())
        fold = draw(st.sampled_from([" ", "\r\n "]))
        charset, form = draw(st.sampled_from(["utf-8", "utf-16be"])), draw(st.sampled_from("BQ"))
        # White space between two encoded words is none: it goes into the second one (RFC 2047 s6.2).
        text = " " + word if before_encoded and is_encoded else word
        written.append((fold if index else "") + (encoded_word(text, charset, form) if is_encoded else word))
    return " ".join(words), "".join(written)


@given(header=headers())
@settings(max_examples=200)
def test_subjects(header: tuple[str, str]) -> None:
    text, value = header
    assert message.read(examine(f"Subject: {value}\r\n\r\n".encode())).subject == text


@st.composite
def mailboxes(draw: st.DrawFn) -> tuple[Mailbox, str]:
    name, local_part, host = draw(WORDS), draw(ATOM), draw(HOST)
    address = f"{local_part}@{host}"
    match draw(st.sampled_from(["bare", "quoted", "encoded", "comment", "route"])):
        case "quoted" if name.isascii():
            return Mailbox(name, local_part, host), f'"{name}" <{address}>'
        case "quoted" | "encoded":
            return Mailbox(name, local_part, host), f"{encoded_word(name, 'utf-8', 'B')}\r\n <{address}>"
        case "comment" if name.isascii():
            return Mailbox(name, local_part, host), f"{address} ({name})"
        case "route":
            return Mailbox("", local_part, host), f"<@relay.test:{address}>"
    return Mailbox("", local_part, host), address


@st.composite
def lists(draw: st.DrawFn) -> tuple[tuple[Mailbox | Group, ...], str]:
    expected: list[Mailbox | Group] = []
    written: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        members = draw(st.lists(mailboxes(), min_size=1, max_size=3))
        if draw(st.booleans()):
            name = draw(ATOM)
            expected.append(Group(name, tuple(mailbox for mailbox, _ in members)))
            written.append(f"{name}: {', '.join(text for _, text in members)};")
        else:
            expected += [mailbox for mailbox, _ in members]
            written += [text for _, text in members]
    return tuple(expected), draw(st.sampled_from([", ", ",", ",\r\n\t"])).join(written)


@given(addresses=lists())
@settings(max_examples=200)
def test_addresses(addresses: tuple[tuple[Mailbox | Group, ...], str]) -> None:
    expected, value = addresses
    found = message.read(examine(f"To: {value}\r\n\r\n".encode()))
    assert found.addresses("To") == expected
    assert not found.defects


@given(
    moment=st.datetimes(datetime(1970, 1, 1), datetime(2069, 1, 1)),
    minutes=st.integers(-12 * 60, 14 * 60),
    form=st.sampled_from(
        ["%a, %d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%z", "%a %b %d %H:%M:%S %Y"]
    ),
)
def test_dates(moment: datetime, minutes: int, form: str) -> None:
    zone = timezone(timedelta(minutes=minutes)) if "%z" in form else UTC
    expected = moment.replace(microsecond=0, tzinfo=zone)
    found = message.read(examine(f"Date: {expected.strftime(form)}\r\n\r\n".encode()))
    assert found.sent_at == expected
    assert found.sent_at.utcoffset() == expected.utcoffset()
