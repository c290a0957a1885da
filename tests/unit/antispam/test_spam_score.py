"""What the C core writes of a score for rows and replies is what Python makes of its contributions and categories."""

import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from mda._core import ffi, lib

from mda import binding
from mda.antispam.classifier import Classifier
from mda.antispam.verdict import Category, Verdict
from mda.binding import TOP_CONTRIBUTIONS, SpamScore
from mda.binding.spam_score import read_score
from mda.delivery.delivered_form import _reasons, _spam_line
from mda.delivery.rows import REASONS_KEPT, kept_reasons
from mda.metadata.content.spam_reasons import MOST_WEIGHT, spam_reasons

MAILS = sorted((Path(__file__).parents[2] / "samples").glob("*.eml"))
FLOATS = some.floats(width=32, allow_nan=True, allow_infinity=True)
REASONS = some.lists(some.tuples(some.integers(0, 14), some.integers(0, (1 << 28) - 1), FLOATS), max_size=12)
SUMS = some.lists(FLOATS | some.sampled_from((0.0, 1.0, -1.0)), min_size=15, max_size=15)


def made(reasons: list[tuple[int, int, float]], sums: list[float]) -> SpamScore:
    score = ffi.new("spam_score *")
    score.top_count = len(reasons)
    for place, (category, feature, weight) in enumerate(reasons):
        score.top[place] = (category << 28 | feature, weight)
    score.categories = sums
    return read_score(score, "1")


def check(score: SpamScore) -> None:
    for is_spam in (False, True):
        verdict = Verdict(is_spam, 0.5, 0.9, score, "1", binding.FEATURE_VERSION)
        reasons = [(reason.label, reason.feature_id, reason.weight) for reason in verdict.reasons]
        assert kept_reasons(verdict, None) == spam_reasons(reasons, "1")
        assert _spam_line(verdict).endswith(f"reasons={_reasons(verdict) or 'none'}")


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_samples(path: Path, tmp_path: Path) -> None:
    raw, model = path.read_bytes(), Classifier().model
    table, other = binding.CampaignTable(tmp_path / "one"), binding.CampaignTable(tmp_path / "other")
    for _ in range(2):
        _, score = binding.brief_of(raw, model, table)
        assert score is not None
        assert score == binding.examine(raw, model, campaigns=other).spam
        assert (score.model_version, score.feature_version) == (model.version, binding.FEATURE_VERSION)
        check(score)


@settings(max_examples=500, deadline=None)
@given(REASONS, SUMS)
def test_made_up_scores(reasons: list[tuple[int, int, float]], sums: list[float]) -> None:
    check(made(reasons, sums))


def test_weights_are_rounded_as_python_does() -> None:
    """All that binary16 can hold, what is half way between two of them, and what is next to that."""
    halves = [struct.unpack("<e", struct.pack("<H", bits))[0] for bits in range(0x7C00)]
    middles = [(low + high) / 2 for low, high in pairwise(halves)]
    beside = [number * (1 + step) for number in middles for step in (2**-23, -(2**-23))]
    weights = [*halves, *middles, *beside, MOST_WEIGHT * 1.5]
    for first in range(0, len(weights), TOP_CONTRIBUTIONS):
        numbers = weights[first : first + TOP_CONTRIBUTIONS]
        for sign in (1, -1):
            found = made([(0, 0, sign * number) for number in numbers], [0.0] * 15).reason_columns[3]
            floats = [min(MOST_WEIGHT, struct.unpack("<f", struct.pack("<f", number))[0]) for number in numbers]
            assert found == struct.pack(f"<{len(floats)}e", *(sign * number for number in floats))


def test_as_many_reasons_are_kept_as_the_model_gives() -> None:
    assert REASONS_KEPT == TOP_CONTRIBUTIONS == lib.SPAM_TOP
    assert tuple(category.value for category in Category) == tuple(range(lib.SPAM_CATEGORIES))
