"""BODY out of BODYSTRUCTURE: RFC 3501 s7.4.2."""

from pathlib import Path

import pytest

from mda.binding import examine
from mda.mime import imap_body

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.eml"))
PLAIN = b'"text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0'
EXTENSION = b' NIL ("attachment" ("filename" "a)(.txt")) ("en" "pl") "a b"'


@pytest.mark.parametrize(
    ("structure", "body"),
    [
        (b"(" + PLAIN + EXTENSION + b")", b"(" + PLAIN + b")"),
        (
            b'("image" "png" NIL NIL {3}\r\n) ( "base64" 4 NIL NIL NIL NIL)',
            b'("image" "png" NIL NIL {3}\r\n) ( "base64" 4)',
        ),
        (
            b"((" + PLAIN + EXTENSION + b")(" + PLAIN + b' NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
            b"((" + PLAIN + b")(" + PLAIN + b') "mixed")',
        ),
        (
            b'("message" "rfc822" NIL NIL NIL "7bit" 9 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) ('
            + PLAIN
            + b" NIL NIL NIL NIL) 3 NIL NIL NIL NIL)",
            b'("message" "rfc822" NIL NIL NIL "7bit" 9 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) (' + PLAIN + b") 3)",
        ),
    ],
)
def test_extension_data_goes(structure: bytes, body: bytes) -> None:
    assert imap_body.body(structure) == body
    assert imap_body.body(body) == body


def test_samples() -> None:
    for path in SAMPLES:
        body = imap_body.body(examine(path.read_bytes()).body_structure)
        assert imap_body.value_end(body, 0) == len(body)
        assert imap_body.body(body) == body
    assert len(SAMPLES) > 10


def test_deep_nesting_is_walked_without_recursion() -> None:
    raw = (
        b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (i, i) for i in range(99)) + b"\r\nx"
    )
    assert imap_body.body(examine(raw).body_structure).startswith(b"(" * 99)


@pytest.mark.parametrize("structure", [b"", b"(", b'("text"', b'("text" "plain" NIL'])
def test_what_is_no_structure_is_refused(structure: bytes) -> None:
    with pytest.raises(ValueError, match="octet"):
        imap_body.body(structure)
