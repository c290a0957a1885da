"""ENVELOPE, BODY and BODYSTRUCTURE of the samples are Dovecot 2.3's, but for the differences that are listed and named.

Dovecot's answers were written down by `python -m tools.compare_dovecot --golden`; where Dovecot is installed they are
asked for again, and mails built from a grammar with them.
"""

import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.requirements import DOVECOT_REMEDY, require
from tests.unit.mime.test_grammar import TREES, Tree, headers, lists
from tools import private_dovecot
from tools.compare_dovecot import GOLDEN, SAMPLES, answers, classify, differences

ANSWERS = {
    name: {item: value.encode("latin-1") for item, value in items.items()}
    for name, items in json.loads(GOLDEN.read_text("utf-8")).items()
}
DIFFERENT = {
    ("malformed_encoded_message.eml", "BODY"): "message under a transfer encoding",
    ("malformed_encoded_message.eml", "BODYSTRUCTURE"): "message under a transfer encoding",
    ("malformed_headers.eml", "BODY"): "transfer encoding with more behind",
    ("malformed_headers.eml", "BODYSTRUCTURE"): "transfer encoding with more behind",
    ("malformed_headers.eml", "ENVELOPE"): "field that stands twice",
    ("malformed_multipart.eml", "BODY"): "text behind a delimiter",
    ("malformed_multipart.eml", "BODYSTRUCTURE"): "text behind a delimiter",
    ("rfc_attachment.eml", "BODYSTRUCTURE"): "pieces of a parameter",
    ("wild_mailing_list.eml", "BODYSTRUCTURE"): "plain text in lower case",
    ("wild_unquoted_name.eml", "BODY"): "value with spaces, unquoted",
    ("wild_unquoted_name.eml", "BODYSTRUCTURE"): "value with spaces, unquoted",
}


def require_dovecot() -> None:
    require(private_dovecot.program() is not None, "Dovecot's imap", DOVECOT_REMEDY)


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_samples_are_answered_as_dovecot_does(name: str) -> None:
    found = {(name, each.item): classify(each) for each in differences((SAMPLES / name).read_bytes(), ANSWERS[name])}
    assert found == {key: kind for key, kind in DIFFERENT.items() if key[0] == name}


def test_every_sample_has_an_answer() -> None:
    assert set(ANSWERS) == {path.name for path in SAMPLES.glob("*.eml")}


def test_dovecot_still_answers_so() -> None:
    require_dovecot()
    names = sorted(ANSWERS)
    asked = private_dovecot.fetch([(SAMPLES / name).read_bytes() for name in names])
    assert dict(zip(names, asked, strict=True)) == ANSWERS


def test_mails_from_the_grammar() -> None:
    """Well-formed mail is answered octet for octet as Dovecot does."""
    require_dovecot()
    mails: list[bytes] = []

    @given(tree=TREES, subject=headers(), senders=lists(), readers=lists())
    @settings(max_examples=150, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def collect(tree: Tree, subject: tuple[str, str], senders: tuple[object, str], readers: tuple[object, str]) -> None:
        head = f"From: {senders[1]}\r\nSubject: {subject[1]}\r\nTo: {readers[1]}\r\nMIME-Version: 1.0\r\n"
        mails.append(head.encode() + tree.raw)

    collect()
    assert len(mails) >= 100
    for raw, theirs in zip(mails, private_dovecot.fetch(mails), strict=True):
        assert answers(raw) == theirs


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" <a@b> \r\n", '"<a@b> "'),
        ("\r\n <a@b>\r\n", '" <a@b>"'),
        (' \\"\\"\r\n', '"\\\\\\"\\\\\\""'),
        (' """""\r\n', '{5}\r\n"""""'),
    ],
)
def test_values_that_are_sent_as_they_came(value: str, expected: str) -> None:
    """As Dovecot 2.3 was seen to: unfolded and not trimmed, a literal beyond four escapes."""
    raw = f"Message-ID:{value}\r\n".encode()
    assert answers(raw)["ENVELOPE"].decode().endswith(f" {expected})")
