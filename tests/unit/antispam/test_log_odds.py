"""Log-odds and probabilities: one is the other's inverse, and neither is ever infinite."""

import math

import pytest

from mda.antispam.log_odds import MOST_LOG_ODDS, log_odds, probability


@pytest.mark.parametrize("value", [1e-12, 0.05, 0.5, 0.95, 1 - 1e-12])
def test_there_and_back(value: float) -> None:
    assert probability(log_odds(value)) == pytest.approx(value, rel=1e-9)


def test_certainty_is_finite() -> None:
    assert log_odds(1.0) == -log_odds(0.0) == MOST_LOG_ODDS
    assert log_odds(1.0, 16.0) == -log_odds(0.0, 16.0) == 16.0
    assert log_odds(1 - 1e-9, 16.0) == 16.0
    assert probability(1e6) == probability(MOST_LOG_ODDS)
    assert probability(-1e6) == probability(-MOST_LOG_ODDS) > 0.0


def test_what_is_no_number_speaks_for_ham() -> None:
    assert log_odds(math.nan, 16.0) == -16.0
