"""Between a probability and its log-odds, the scale on which evidence adds up: log_odds = ln(p / (1 - p)).

Both are cut off where a probability says no more, so that what is sure stays finite.
"""

import math

MOST_LOG_ODDS = 40.0


def log_odds(probability: float, most: float = MOST_LOG_ODDS) -> float:
    """Between -most and most; what is no number speaks for ham."""
    if not 0.0 < probability < 1.0:
        return most if probability >= 1.0 else -most
    return min(max(math.log(probability) - math.log1p(-probability), -most), most)


def probability(log_odds: float) -> float:
    """The other way round, 0 to 1."""
    return 1.0 / (1.0 + math.exp(-min(max(log_odds, -MOST_LOG_ODDS), MOST_LOG_ODDS)))
