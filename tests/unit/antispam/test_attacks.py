"""Mail that is made to be judged wrongly, or to be dear: what it can reach is bounded by budgets (csrc/antispam)."""

import math
from pathlib import Path

import pytest

from mda import binding
from mda.antispam.classifier import Classifier
from mda.antispam.log_odds import log_odds

SPAM = sorted((Path(__file__).parent / "mail" / "spam").glob("*.eml"))
JUNK = math.log(0.95 / 0.05)
"""Log-odds of the default threshold."""

GOOD_WORDS = b"meeting agenda patch thanks list archive build kernel committee lunch wrote report minutes"


def score_of(raw: bytes) -> float:
    spam = binding.examine(raw, Classifier().model).spam
    assert spam is not None
    return log_odds(spam.probability)


def count(raw: bytes) -> int:
    """Of features, which are 32-bit numbers."""
    return len(binding.features(raw)) // 4


@pytest.mark.parametrize("path", SPAM, ids=lambda path: path.stem)
def test_padding_behind_spam_does_not_take_it_out_of_junk(path: Path) -> None:
    assert score_of(path.read_bytes() + (GOOD_WORDS + b"\r\n") * 20_000) > JUNK


@pytest.mark.parametrize("path", SPAM, ids=lambda path: path.stem)
def test_a_flood_of_header_fields_does_not_make_spam_ham(path: Path) -> None:
    """It may cost certainty (a header of 20,000 notes is no spammer's habit), never turn the answer round."""
    flood = b"".join(b"X-Note-%d: %s %d\r\n" % (number, GOOD_WORDS, number) for number in range(20_000))
    assert score_of(flood + path.read_bytes()) > 0


def test_a_flood_of_header_fields_has_few_features() -> None:
    flood = b"".join(b"X-Note-%d: %s %d\r\n" % (number, GOOD_WORDS, number) for number in range(20_000))
    mail = SPAM[0].read_bytes()
    # At most 200 fields are read, 32 words each, and n-grams of 2 KB (csrc/antispam/headers.c).
    assert count(flood + mail) - count(mail) < 10_000


@pytest.mark.parametrize("word", [b"viagra ", b"a"], ids=["a word again and again", "a word without end"])
def test_a_hundred_megabytes_of_one_word_are_few_features(word: bytes) -> None:
    raw = b"From: a@example.com\r\nSubject: x\r\n\r\n" + word * (100_000_000 // len(word))
    assert 0 < count(raw) < 250
    assert math.isfinite(score_of(raw))
