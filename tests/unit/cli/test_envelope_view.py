"""mda.cli.envelope_view: what listings read from an ENVELOPE that the C core wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mda import binding
from mda.cli.envelope_view import EnvelopeView, decode_words, view
from mda.mime import message


def viewed(header: str) -> EnvelopeView:
    return view(message.read(binding.examine(header.replace("\n", "\r\n").encode() + b"\r\n\r\n")).envelope)


def test_addresses_and_subject_are_decoded() -> None:
    found = viewed(
        "From: =?utf-8?q?Za=C5=BC?= Gęślą <anne@example.org>\n"
        'To: "Quoted \\"name\\"" <b@x.test>, bare@y.test\n'
        "Cc: c@z.test\n"
        'Subject: =?iso-8859-2?q?za=BF=F3=B3=E6?= "quoted" back\\slash\n'
        "Message-ID: <1@x.test>"
    )
    assert found == EnvelopeView(
        subject='zażółć "quoted" back\\slash',
        from_=("Zaż Gęślą <anne@example.org>",),
        to=('Quoted "name" <b@x.test>', "bare@y.test"),
        cc=("c@z.test",),
        message_id="<1@x.test>",
    )
    assert found.recipients == (*found.to, "c@z.test")


def test_groups_leave_their_members() -> None:
    assert viewed("To: Friends: a@x.test, b@x.test;, c@x.test").to == ("a@x.test", "b@x.test", "c@x.test")
    assert viewed("To: undisclosed-recipients:;").to == ()


def test_mail_without_header_is_empty() -> None:
    assert viewed("X: y") == EnvelopeView("", (), (), (), "")


@pytest.mark.parametrize("subject", ["a" * 5000, "(" * 50, ") {5} NIL", '"', "{3}", "\\", "tab\there"])
def test_subject_survives_the_imap_form(subject: str) -> None:
    assert viewed(f"Subject: {subject}").subject.replace("\t", " ") == subject.replace("\t", " ")


@given(st.binary(max_size=200))
def test_damaged_envelope_never_raises(envelope: bytes) -> None:
    view(envelope)
    view(b"(" + envelope + b")")


@given(st.binary(max_size=100))
def test_any_header_value_becomes_text(raw: bytes) -> None:
    decode_words(raw).encode("utf-8", "replace")


def test_folded_value_is_one_line() -> None:
    assert decode_words(b" a\r\n b =?utf-8?q?=C5=BC?=\r\n\t=?utf-8?q?x?=\r\n") == "a b żx"
