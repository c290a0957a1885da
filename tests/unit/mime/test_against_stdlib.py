"""The samples read by the parser and by the standard library: same tree, subject, date and texts; and each octet of a
message is in exactly one place. Where the library is wrong, the sample is named with the reason."""

import email
import email.message
import email.policy
import email.utils
from collections.abc import Iterator
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from mda.binding import examine
from mda.mime import message, part

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.eml"))
WELL_FORMED = [path for path in SAMPLES if not path.stem.startswith("malformed")]

RAW_8BIT_HEADERS = {"wild_windows1252", "rfc_smtputf8", "rfc_alternative"}
"""The library makes U+FFFD or surrogates of them."""
WINDOWS_TEXT = {"wild_windows1252"}
"""ISO-8859-1 with windows-1252 characters: the library gives C1 controls."""
ASSUMED_ZONES = {"wild_mailing_list", "wild_windows1252", "wild_japanese"}
"""Zone missing or a name: the library takes it for UTC, or knows it not."""


def test_there_are_samples() -> None:
    assert len(WELL_FORMED) >= 15
    assert len(SAMPLES) - len(WELL_FORMED) >= 3


def walk(found: email.message.Message, depth: int = 0) -> Iterator[tuple[int, str, email.message.Message]]:
    yield depth, found.get_content_type(), found
    if found.get_content_type() == "message/delivery-status":
        return  # the library takes its blocks for messages
    payload = found.get_payload()
    if isinstance(payload, list):
        for child in payload:
            assert isinstance(child, email.message.Message)
            yield from walk(child, depth + 1)


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("path", WELL_FORMED, ids=lambda path: path.stem)
def test_tree_and_texts(path: Path, line_end: bytes) -> None:
    raw = path.read_bytes().replace(b"\r\n", line_end)
    examination = examine(raw)
    parts = message.read(examination).parts
    theirs = list(walk(email.message_from_bytes(raw)))
    assert [(each.depth, each.content_type) for each in parts] == [(depth, kind) for depth, kind, _ in theirs]
    for ours, (_, kind, their_part) in zip(parts, theirs, strict=True):
        if ours.kind != part.Kind.LEAF or kind == "message/delivery-status":
            continue
        payload = their_part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert part.content(examination, ours.index) == payload
        assert ours.filename == (their_part.get_filename() or "").strip()
        if kind.startswith("text/") and path.stem not in WINDOWS_TEXT:
            charset = their_part.get_content_charset("utf-8")
            assert part.text(examination, ours.index) == payload.decode(charset)


@pytest.mark.parametrize("path", WELL_FORMED, ids=lambda path: path.stem)
def test_subject_and_date(path: Path) -> None:
    raw = path.read_bytes()
    found, theirs = message.read(examine(raw)), email.message_from_bytes(raw)
    if path.stem not in RAW_8BIT_HEADERS:
        unfolded = theirs["Subject"].replace("\r\n", "").replace("\n", "")
        assert found.subject == str(make_header(decode_header(unfolded)))
    if path.stem not in ASSUMED_ZONES:
        assert found.sent_at == email.utils.parsedate_to_datetime(theirs["Date"])
    assert [field.name for field in found.fields] == theirs.keys()


def places(found: message.Message) -> Iterator[tuple[int, int, str]]:
    """Header blocks, bodies, preambles, epilogues; what is between them must be delimiter lines."""
    for each in found.parts:
        if each.source != part.Source.INPUT:
            continue
        yield each.start, each.body, "header"
        if each.kind == part.Kind.LEAF or part.PartFlag.ENCODED in each.flags:
            yield each.body, each.end, "body"
        elif each.kind == part.Kind.MULTIPART:
            yield each.body, each.preamble_end, "preamble"
            yield each.epilogue, each.end, "epilogue"


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_each_octet_is_in_one_place(path: Path, line_end: bytes) -> None:
    raw = path.read_bytes().replace(b"\r\n", line_end)
    at = 0
    for start, end, _ in sorted(places(message.read(examine(raw)))):
        assert start >= at
        gap = raw[at:start]
        assert not gap or gap.strip(b"\r\n").startswith(b"--"), gap
        assert gap.strip(b"\r\n").count(b"\n") == 0
        at = end
    rest = raw[at:].strip(b"\r\n")
    assert not rest or rest.startswith(b"--")
