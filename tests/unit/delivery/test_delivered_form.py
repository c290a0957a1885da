"""The delivered form: our fields on top, forged ones cut, everything else byte for byte."""

import pytest

from mda.address import Address
from mda.antispam.verdict import Category, Verdict
from mda.delivery import delivered_form
from mda.delivery.inspect import inspect
from mda.envelope import Envelope, Recipient

BODY = b"Subject: x\r\n\r\nReturn-Path: <body@example.org> is text\r\n"


def delivered(raw: bytes) -> bytes:
    return delivered_form.assemble(b"P: 1\r\n", raw, inspect(raw, None).message.forged_spans)


@pytest.mark.parametrize(
    "forged",
    [
        b"Return-Path: <evil@example.org>\r\n",
        b"return-path: <evil@example.org>\r\n",
        b"X-Original-To: other@example.org\r\n",
        b"X-MDA-Spam: no; score=0.0000\r\n",
        b"x-mda-anything: 1\r\n\tfolded\r\n  twice\r\n",
        b"Return-Path : <evil@example.org>\r\n",
        b"X-MDA-Spam: no\r\nReturn-Path: <>\r\n",
        b"X-MDA-Spam: no\n",
    ],
)
@pytest.mark.parametrize("before", [b"", b"From: a@example.org\r\n"])
def test_fields_that_pretend_to_be_ours_are_cut(forged: bytes, before: bytes) -> None:
    assert delivered(before + forged + BODY) == b"P: 1\r\n" + before + BODY


@pytest.mark.parametrize(
    "kept",
    [
        b"Delivered-To: other@example.net\r\n",
        b"X-Spam-Status: Yes, score=12.3\r\n",
        b"X-MDA: none of ours\r\n",
        b"Return-Path-Note: x\r\n",
        b"Authentication-Results: mx.example.net; spf=pass\r\n",
    ],
)
def test_fields_of_others_stay(kept: bytes) -> None:
    assert delivered(kept + BODY) == b"P: 1\r\n" + kept + BODY


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"X-MDA-Spam: no", b"no colon\r\n", b"\x00\xff\r\n\r\n", BODY])
def test_the_size_is_that_of_the_form(raw: bytes) -> None:
    spans = inspect(raw, None).message.forged_spans
    assert delivered_form.size(b"P: 1\r\n", len(raw), spans) == len(delivered(raw))


def test_adjoining_fields_are_one_span() -> None:
    raw = b"X-MDA-A: 1\r\nX-MDA-B: 2\r\nFrom: a@example.org\r\nX-MDA-C: 3\r\n" + BODY
    assert inspect(raw, None).message.forged_spans == ((0, 24), (45, 57))


class Found:
    """What a model found."""

    contributions: tuple[tuple[int, float], ...] = ()
    categories: tuple[float, ...] = tuple(
        {Category.URLS: 2.0, Category.HEADER_SHAPE: -1.5, Category.BODY_WORDS: 1.0}.get(category, 0.0)
        for category in Category
    )

    for_spam = bytes((Category.URLS.value, Category.BODY_WORDS.value))
    for_ham = bytes((Category.HEADER_SHAPE.value,))
    reason_columns = (b"", b"", b"", b"")

    def evidence(self, count: int) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("score", "line"),
    [
        (0.99, b"X-MDA-Spam: yes; score=0.9900; reasons=urls,body-words\r\n"),
        (0.10, b"X-MDA-Spam: no; score=0.1000; reasons=header-shape\r\n"),
    ],
)
def test_the_spam_field_names_the_evidence_for_its_verdict(score: float, line: bytes) -> None:
    verdict = Verdict(score >= 0.9, score, 0.9, Found(), "1", 1)
    recipient = Recipient(Address("anna", "example.org"))
    prefix = delivered_form.prefix(Envelope("", (recipient,)), recipient, "anna@example.org", verdict)
    assert prefix.endswith(line)
