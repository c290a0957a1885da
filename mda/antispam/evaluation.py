"""How well scores separate spam from ham, in the measures that the field compares by (TREC Spam Track).

1-ROCA% is the area above the ROC curve in percent: the chance that a random ham scores above a random spam, ties half.
Pure arithmetic on scores; it neither scores nor trains.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from mda.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Separation:
    """Scores of spam and of ham, each in rising order."""

    spam: tuple[float, ...]
    ham: tuple[float, ...]

    @property
    def one_minus_roca_percent(self) -> float:
        above = sum(2 * len(self.ham) - bisect_right(self.ham, s) - bisect_left(self.ham, s) for s in self.spam)
        return 50.0 * above / (len(self.spam) * len(self.ham))

    def threshold(self, false_positive_share: float) -> float:
        """The least score that at most that share of the ham reaches."""
        allowed = min(int(len(self.ham) * false_positive_share), len(self.ham) - 1)
        return math.nextafter(self.ham[len(self.ham) - 1 - allowed], math.inf)

    def recall_percent(self, threshold: float) -> float:
        """The share of spam that reaches `threshold`."""
        return 100.0 * (len(self.spam) - bisect_left(self.spam, threshold)) / len(self.spam)

    def false_positive_percent(self, threshold: float) -> float:
        """The share of ham that reaches `threshold`."""
        return 100.0 * (len(self.ham) - bisect_left(self.ham, threshold)) / len(self.ham)


def lam_percent(ham_percent: float, spam_percent: float) -> float:
    """The logistic average of the two shares of misclassified mail; 0 where one of them is."""
    if not 0 < ham_percent < 100 or not 0 < spam_percent < 100:
        return 0.0 if min(ham_percent, spam_percent) <= 0 else 100.0
    mean = (math.log(ham_percent / (100 - ham_percent)) + math.log(spam_percent / (100 - spam_percent))) / 2
    return 100 / (1 + math.exp(-mean))


def separate(scored: Iterable[tuple[float, bool]]) -> Separation:
    """From (score, is_spam); InvalidValue unless there are both."""
    pairs = sorted(scored)
    found = Separation(tuple(s for s, is_spam in pairs if is_spam), tuple(s for s, is_spam in pairs if not is_spam))
    if not found.spam or not found.ham:
        raise InvalidValue("evaluation needs both ham and spam")
    return found
