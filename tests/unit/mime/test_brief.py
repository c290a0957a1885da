"""The brief says of a message what a parse that finds everything says of it, and what of it is made in Python."""

from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from mda.antispam.classifier import base_model_path
from mda.binding import HEADER, Brief, Model, Reader, brief_of, brief_of_found, examine
from mda.identifiers import message_id_hash
from mda.metadata.delivery.delivery_row import in_utc
from mda.mime import brief, message
from mda.mime.addresses import Mailbox
from mda.mime.header_block import HeaderBlock, HeaderField
from mda.mime.message import Message
from mda.mime.subject import base_subject
from tests.unit.found import found_of
from tools.fetch_corpus import DEFAULT_FOLDER

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.eml"))
CORPUS = sorted(DEFAULT_FOLDER.glob("*/*.eml"))
OURS = ("return-path", "x-original-to")


def is_ours(field: HeaderField) -> bool:
    return field.name.lower() in OURS or field.name.lower().startswith("x-mda-")


def forged(found: Message) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    for field in filter(is_ours, found.fields):
        start = spans.pop()[0] if spans and spans[-1][1] == field.start else field.start
        spans.append((start, field.end))
    return tuple(spans)


def author(found: Message) -> tuple[str, str] | None:
    entries = found.addresses("from")
    only = entries[0] if len(entries) == 1 else None
    return (only.local_part, only.host) if isinstance(only, Mailbox) else None


MEMBERS: dict[str, Callable[[Message], object]] = {
    "is_finished": lambda _: True,
    "subject_base": lambda found: base_subject(found.subject),
    "sent_at": lambda found: found.sent_at and in_utc(found.sent_at),
    "message_id_hash": lambda found: message_id_hash(found.message_id) if found.message_id else None,
    "reference_hashes": lambda found: tuple(map(message_id_hash, found.references)),
    "author": author,
    "forged_spans": forged,
    "has_delivered_to": lambda found: bool(found.field_values("Delivered-To")),
    "header_table": lambda found: found.header.table,
}
"""The others have one name and one value in both."""


def check(raw: bytes) -> Brief:
    found, score = brief.read(raw)
    whole = message.read(examine(raw))
    assert score is None
    for name in Brief.__struct_fields__:
        expected = MEMBERS[name](whole) if name in MEMBERS else getattr(whole, name)
        assert getattr(found, name) == expected, name
    assert HeaderBlock(raw, found.header_table).fields == whole.fields
    assert found.sent_at is None or found.sent_at.tzinfo is UTC
    return found


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples(path: Path) -> None:
    raw = path.read_bytes()
    for cut in (len(raw), len(raw) // 2, len(raw) // 3, 100, 0):
        check(raw[:cut])
        check(raw[:cut].replace(b"\r\n", b"\n"))


@pytest.mark.skipif(not CORPUS, reason="python -m tools.fetch_corpus")
def test_corpus() -> None:
    unfinished = 0
    for path in CORPUS:
        check(path.read_bytes())
        unfinished += not brief_of(path.read_bytes())[0].is_finished
    assert 0 < unfinished < len(CORPUS) / 20, "few mails are read twice"


def test_the_front_finds_the_same() -> None:
    """One after the other, and nothing where the brief would be longer than the room that is kept for it."""
    model = Model(base_model_path())
    reader = Reader(model, None)
    for raw in (*[path.read_bytes() for path in SAMPLES], b""):
        found = found_of(reader, raw)
        assert found
        assert brief_of_found(found) == brief_of(raw, model)
    assert found_of(reader, b"Subject: " + b" ".join(b"word%d" % number for number in range(9000)) + b"\r\n") is None


WORDS = some.sampled_from(
    (
        *(
            "re:",
            "Re",
            "fwd:",
            "FW",
            "fw:",
            "[fwd:",
            "[list]",
            "[a",
            "[b]",
            "]",
            "(fwd)",
            "(FWD)",
            "[",
            ":",
            "\t",
            "\0",
        ),
        *("é", "hello", "=?utf-8?q?re=3A?=", "=?utf-8?q?=5Bfwd=3A?=", "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "\r\n\t"),
        *("<a@b>", "<c@d", "a@b,", "g:;", '"q\\"x"@c.d', "x@[1.2.3.4]", ";"),
    )
)
OCTETS = some.one_of(some.lists(WORDS).map(" ".join), some.lists(WORDS).map("".join), some.text(max_size=20)).map(
    lambda text: text.encode("utf-8", "surrogatepass")
) | some.binary(max_size=20)
DATES = some.builds(
    "{}, 1 {} {} {:02}:00:59 {}".format,
    some.sampled_from(("Mon", "x")),
    some.sampled_from(("Jan", "Dec", "Foo")),
    some.sampled_from((0, 1, 2, 69, 99, 1969, 2026, 9998, 9999, 10000)),
    some.integers(0, 25),
    some.sampled_from(("+0000", "-1200", "+1400", "+2359", "-2359", "+2400", "-9959", "GMT", "")),
).map(str.encode)
NAMES = some.sampled_from(
    (
        *("Subject", "Subject", "From", "From", "To", "Message-ID", "References", "In-Reply-To", "Delivered-To"),
        *("Return-Path", "X-Original-To", "X-MDA-Spam", "X-MDA", "x-mda-x", "Received", "Content-Type", "X"),
    )
)
FIELDS = some.tuples(NAMES.map(str.encode), OCTETS) | some.tuples(some.just(b"Date"), DATES)
MAILS = some.builds(
    lambda fields, body: b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n" + body,
    some.lists(FIELDS, max_size=6),
    OCTETS,
)


@settings(max_examples=1500, deadline=None)
@given(MAILS)
@example(b"Date: Fri, 31 Dec 9999 23:59:59 +0000\r\n\r\n")
@example(b"Date: Mon, 1 Jan 0001 00:00:00 +0000\r\n\r\n")
@example(b"Subject: =?iso-2022-jp?b?UmU6IBskQkZ8S1wbKEI=?=\r\n\r\n")
@example(b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$BF|K\\\x1b(B")
@example(b"References: <\xff@x> <b@x>\r\nMessage-ID: <\xff>\r\n\r\n")
@example(b"Subject: [fwd: re [x] : hello (fwd) ]\r\n\r\n")
def test_made_up_mail(raw: bytes) -> None:
    check(raw)


@settings(max_examples=1500, deadline=None)
@given(some.lists(WORDS | some.text(max_size=3)).map(" ".join) | some.lists(WORDS).map("".join))
def test_base_subject(subject: str) -> None:
    raw = b"Subject: %b\r\n\r\n" % subject.encode("utf-8", "replace").replace(b"\r", b" ").replace(b"\n", b" ")
    check(raw)


@pytest.mark.parametrize("length", [*range(130), 1000])
def test_hashes_of_every_length(length: int) -> None:
    text = "<" + "x" * length + ">"
    found = check(f"Message-ID: {text}\r\nReferences: {text} <a>\r\n\r\n".encode())
    assert found.message_id_hash == (message_id_hash("x" * length) if length else None)


def test_what_the_room_is_too_small_for() -> None:
    assert len(check(b"A: b\r\n" * 5000 + b"\r\n").header_table) == 5000 * HEADER.size


def test_ten_thousand_leaders_take_linear_time() -> None:
    for leader in ("re:", "[fwd:", "[", "re [a", "(fwd)", "[a]"):
        check(f"Subject: {leader * 10_000} x {']' * 10_000}\r\n\r\n".encode())
