"""A part's octets from the stored part table alone are those that the parse found."""

from pathlib import Path

import pytest

from mda.binding import examine
from mda.errors import InvalidValue
from mda.mime import part, stored
from mda.mime.part import Kind, Source
from tests.requirements import require

ROOT = Path(__file__).parents[3]
SAMPLES = sorted((ROOT / "tests" / "samples").glob("*.eml"))
CORPUS = sorted((ROOT / "build" / "corpus").glob("*/*.eml"))[::10]

FORWARDED = (
    (ROOT / "tests" / "samples" / "rfc_forwarded.eml").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
)
PARTS = stored.read(examine(FORWARDED).structure)


def check(raw: bytes) -> int:
    """Compares all leaves; how many there were."""
    examination = examine(raw)
    parts = stored.read(examination.structure)
    parsed = [found for found in part.read_parts(examination) if found.source is Source.INPUT]
    assert [(found.start, found.body, found.end, found.kind, found.parent) for found in parsed] == [
        (found.start, found.body, found.end, found.kind, found.parent) for found in parts
    ]
    leaves = [found for found in parts if found.kind is Kind.LEAF]
    for leaf in leaves:
        start, end = stored.body_span(leaf)
        assert stored.content(leaf, raw[start:end]) == part.content(examination, leaf.index)
    return len(leaves)


def test_samples() -> None:
    assert sum(check(path.read_bytes()) for path in SAMPLES) > len(SAMPLES)


def test_real_mails() -> None:
    require(bool(CORPUS), "the corpus of real mails", "make corpus")
    assert sum(check(path.read_bytes()) for path in CORPUS) >= len(CORPUS)


def octets(span: tuple[int, int]) -> bytes:
    return FORWARDED[span[0] : span[1]]


@pytest.mark.parametrize(
    ("numbers", "body"),
    [
        ((1,), b"See below."),
        ((2, 1), b"The minutes."),
        ((2, 2), b"<p>The minutes.</p>"),
    ],
)
def test_numbers_of_imap(numbers: tuple[int, ...], body: bytes) -> None:
    found = stored.find(PARTS, numbers)
    assert found is not None
    assert octets(stored.body_span(found)) == body


@pytest.mark.parametrize("numbers", [(3,), (0,), (1, 1), (2, 3), (2, 1, 1), (2, 1, 2)])
def test_numbers_of_no_part(numbers: tuple[int, ...]) -> None:
    assert stored.find(PARTS, numbers) is None


def test_a_leaf_is_part_1_of_its_message() -> None:
    raw = b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhello"
    parts = stored.read(examine(raw).structure)
    assert stored.find(parts, ()) == stored.find(parts, (1,)) == parts[0]
    assert stored.find(parts, (1, 1)) == parts[1]
    assert stored.find(parts, (1, 1, 1)) is None
    assert stored.find(parts, (2,)) is None


def test_header_and_text_are_those_of_the_message_within() -> None:
    forwarded = stored.find(PARTS, (2,))
    assert forwarded is not None
    assert octets(stored.header_span(PARTS, forwarded)).startswith(b'From: "Anna')
    assert octets(stored.header_span(PARTS, forwarded)).endswith(b"boundary=inner\r\n\r\n")
    assert octets(stored.text_span(PARTS, forwarded)).startswith(b"--inner\r\n")
    assert octets(stored.mime_span(forwarded)).startswith(b"Content-Type: message/rfc822\r\n")
    assert octets(stored.header_span(PARTS, PARTS[0])) + octets(stored.text_span(PARTS, PARTS[0])) == FORWARDED
    with pytest.raises(InvalidValue, match="part 1 is no message"):
        stored.header_span(PARTS, PARTS[1])


@pytest.mark.parametrize(
    "structure", [b"", b"\x01", b"\x02" + examine(FORWARDED).structure[1:], examine(b"x").structure[:-1]]
)
def test_what_is_no_part_table_is_refused(structure: bytes) -> None:
    with pytest.raises(InvalidValue, match="part table"):
        stored.read(structure)


def test_entries_may_grow() -> None:
    table = examine(b"Subject: x\r\n\r\ny").structure
    longer = table[:1] + bytes([table[1] + 4]) + table[2:] + b"more"
    assert stored.read(longer) == stored.read(table)
