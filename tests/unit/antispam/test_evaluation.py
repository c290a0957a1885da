"""The measures, on scores whose measures are known."""

import random

import pytest

from bench.antispam_online import behind, so_far
from mda.antispam.evaluation import separate
from mda.errors import InvalidValue


def test_perfect_reversed_and_tied() -> None:
    assert separate([(0.9, True), (0.8, True), (0.1, False)]).one_minus_roca_percent == 0
    assert separate([(0.1, True), (0.9, False)]).one_minus_roca_percent == 100
    assert separate([(0.5, True), (0.5, False)]).one_minus_roca_percent == 50


def test_against_counting_pairs() -> None:
    generator = random.Random(4)
    scored = [(generator.randrange(20) / 20 + 0.2 * is_spam, is_spam) for is_spam in [True] * 50 + [False] * 70]
    spam, ham = ([score for score, label in scored if label is wanted] for wanted in (True, False))
    pairs = sum((h > s) + 0.5 * (h == s) for s in spam for h in ham)
    assert separate(scored).one_minus_roca_percent == pytest.approx(100 * pairs / (50 * 70))


def test_threshold_allows_that_share_and_no_more() -> None:
    found = separate([(index / 1000, False) for index in range(1000)] + [(0.9935, True), (0.9955, True)])
    cut = found.threshold(0.005)
    assert found.false_positive_percent(cut) == 0.5
    assert found.recall_percent(cut) == 50.0
    assert found.false_positive_percent(found.threshold(0.0)) == 0.0


def test_needs_both_classes() -> None:
    with pytest.raises(InvalidValue):
        separate([(0.1, False)])


def test_each_point_of_the_benchs_curve_is_what_all_so_far_give() -> None:
    generator = random.Random(1)
    scored = [(round(generator.gauss(number % 3 == 0, 1), 1), number % 3 == 0) for number in range(200)]
    curve = list(so_far(scored))
    assert curve[0] == 0
    assert [curve[count - 1] for count in (2, 10, 77, 200)] == [
        pytest.approx(separate(scored[:count]).one_minus_roca_percent) for count in (2, 10, 77, 200)
    ]
    assert behind("x", scored, scored)["points_behind"] == 0
    worse = [(-score, is_spam) for score, is_spam in scored]
    assert behind("x", worse, scored) == {"points_behind": 101, "first_behind": 100}
