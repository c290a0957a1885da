"""The words behind feature ids, found in the message again."""

import base64
from pathlib import Path

import pytest

from mda import binding
from mda.learning import explain
from mda.learning.explain import Found
from tests.unit.learning.conftest import mail

FOREIGN = "wild_japanese"
"""Its charset is beyond the C core: features are of its octets, which are no words to anybody."""
SAMPLES = sorted(one for one in (Path(__file__).parents[2] / "samples").glob("*.eml") if one.stem != FOREIGN)


def new_in(raw: bytes, without: bytes) -> set[int]:
    """Features that `raw` has and `without` has not."""
    own, other = (set(memoryview(binding.features(one)).cast("I")) for one in (raw, without))
    return own - other


def test_words_of_the_body_are_found() -> None:
    text = "the garden club meets on friday and wants cheap watches from all of us"
    features = new_in(mail("Club", text), mail("Club", text.replace("watches", "roses")))
    found = explain.find(mail("Club", text), features)
    assert found.keys() == features
    assert all(one.where == "body" and "watches" in one.text and len(one.text.split()) <= 2 for one in found.values())


def test_subject_is_found_where_it_is_encoded() -> None:
    word = base64.b64encode("zegarki najtańsze".encode()).decode()
    raw = mail(f"=?utf-8?b?{word}?=", "text")
    found = explain.find(raw, new_in(raw, mail("", "text")))
    assert any(one.where == "Subject" and "najtańsze" in one.text for one in found.values())


def test_links_in_markup_are_found() -> None:
    html = b'Content-Type: text/html\r\n\r\n<p>See <a href="http://shop.offers.example/x">here</a></p>\r\n'
    features = {one for one in new_in(html, html.replace(b"shop.offers", b"club.garden")) if one >> 28 == 9}
    assert features
    found = explain.find(html, features)
    assert set(found.values()) == {Found("link", "http://shop.offers.example/x")}


def test_words_of_encoded_parts_are_found() -> None:
    body = base64.encodebytes(b"cheap watches today").replace(b"\n", b"\r\n")
    raw = b"Content-Transfer-Encoding: base64\r\n\r\n" + body
    found = explain.find(raw, new_in(raw, b"Content-Transfer-Encoding: base64\r\n\r\n"))
    assert {"watches"} <= {one.text for one in found.values()}


def test_shape_has_no_words() -> None:
    assert explain.find(mail("x", "y"), {0x5ABCDEF}) == {}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_most_of_every_mails_features_are_explained(sample: Path) -> None:
    raw = sample.read_bytes()
    words = {one for one in memoryview(binding.features(raw)).cast("I") if one >> 28 in (0, 1, 6)}
    found = explain.find(raw, words)
    assert len(found) >= 0.6 * len(words), f"{len(found)} of {len(words)}"


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"\0" * 100, b"Subject\r\n", b"From: " + b"(" * 5000])
def test_broken_mail_is_no_trouble(raw: bytes) -> None:
    assert explain.find(raw, set(memoryview(binding.features(raw)).cast("I"))) is not None
