"""uuencode, as binascii and uuencode(1) write it and as relays leave it."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mda.binding import examine
from mda.mime import part
from mda.mime.defects import Defect
from mda.mime.part import PartFlag


def uuencoded(raw: bytes, name: str = "a picture.gif") -> bytes:
    lines = (binascii.b2a_uu(raw[at : at + 45], backtick=True) for at in range(0, len(raw), 45))
    return f"begin 644 {name}\n".encode() + b"".join(lines) + b"`\nend\n"


def mail(body: bytes, label: str = "x-uuencode", content_type: str = "application/octet-stream") -> bytes:
    head = f"Content-Type: {content_type}\nContent-Transfer-Encoding: {label}\n\n".encode()
    return (head + body).replace(b"\n", b"\r\n")


@given(raw=st.binary(max_size=400))
def test_octets_come_back(raw: bytes) -> None:
    assert part.content(examine(mail(uuencoded(raw))), 0) == raw


@pytest.mark.parametrize("label", ["x-uuencode", "uuencode", "X-UUE", "uue"])
def test_labels(label: str) -> None:
    assert part.content(examine(mail(uuencoded(b"hello"), label)), 0) == b"hello"


def test_name_of_the_begin_line_is_the_file_name() -> None:
    found = part.read_parts(examine(mail(b"some words\n" + uuencoded(b"GIF89a"))))[0]
    assert found.filename == "a picture.gif"
    assert PartFlag.ATTACHED in found.flags


def test_name_of_the_header_wins() -> None:
    found = part.read_parts(examine(mail(uuencoded(b"x"), content_type="image/gif; name=b.gif")))[0]
    assert found.filename == "b.gif"


def test_spaces_that_a_relay_cut_are_zeros() -> None:
    body = uuencoded(bytes(9)).replace(b"`", b" ").replace(b" \n", b"\n")
    assert part.content(examine(mail(body)), 0) == bytes(9)[: len(part.content(examine(mail(body)), 0))]
    assert part.text(examine(mail(b"begin 600 a\n#0V%T\n \nend\n", content_type="text/plain")), 0) == "Cat"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"no begin line\n", "no begin line\r\n"),
        (b"begin 644 a\n%:&5L;&\\\n", "hello"),  # no end
        (b"begin 644 a\n%:&5L\n`\nend\n", "hel"),  # a line too short
        (b"begin 9 a\nbegin\n", "begin 9 a\r\nbegin\r\n"),  # no octal mode
    ],
)
def test_broken_forms_are_flagged_and_kept_as_far_as_they_go(body: bytes, text: str) -> None:
    examination = examine(mail(body, content_type="text/plain"))
    assert part.text(examination, 0) == text
    assert examination.defects & Defect.BAD_UUENCODE


def test_whole_form_has_no_defect() -> None:
    examination = examine(mail(uuencoded(b"hello"), content_type="text/plain"))
    assert part.text(examination, 0) == "hello"
    assert not examination.defects
