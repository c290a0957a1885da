"""How a user's marks help on mail that the model has not seen: the table of docs/learning.md.

    python -m tools.adaptation [--corpus FOLDER]

A model learns easy-ham-1 and spam-1. The user gets the rest, in which every commercial newsletter is wanted: one half,
drawn, is there to be marked, the other is judged. Marks are drawn, or are what the model got most wrong, or are all of
spam. Printed are 1-ROCA%, and ham and spam at 0.95, where 0.5 % of the ham without marks is.
"""

import argparse
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from mda import binding
from mda.antispam.evaluation import separate
from mda.antispam.training import calibrate, train
from mda.binding import LearnedMark, correct, learn_marks
from tools.build_base_model import BASE, ROOT, Labelled, read

KNOWN = ("easy-ham-1", "spam-1")
COUNTS = (0, 1, 10, 100, 1_000)
SEEDS = (1, 2, 3)
Choose = Callable[[Sequence[LearnedMark], int], Sequence[LearnedMark]]
THRESHOLD = math.log(0.95 / 0.05)
"""Log-odds of the default threshold."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=ROOT / "build" / "corpus")
    marks = strangers(read(parser.parse_args().corpus))
    print("marks       number  1-ROCA%  ham at 0.95  spam at 0.95")
    for kind, choose in (("drawn", drawn), ("errors", errors), ("spam only", spam_only)):
        for count in COUNTS:
            rows = [measure(marks, choose, count, seed) for seed in SEEDS]
            roca, ham, spam = (fmean(column) for column in zip(*rows, strict=True))
            print(f"{kind:<10}  {count:>6}  {roca:>7.3f}  {ham:>9.2f} %  {spam:>10.1f} %")


def strangers(corpus: Sequence[Labelled]) -> list[LearnedMark]:
    """The messages that the model has not seen, as marks, with log-odds calibrated on their ham."""
    trained = train([one.example for one in corpus if one.group in KNOWN], BASE)
    others = [one.example for one in corpus if one.group not in KNOWN]
    scored = [(trained.margin(one.features), one.is_spam) for one in others]
    fitted = calibrate(scored)
    return [
        LearnedMark(binding.view(one.features), fitted.slope * margin + fitted.intercept, one.is_spam)
        for one, (margin, _) in zip(others, scored, strict=True)
    ]


def drawn(pool: Sequence[LearnedMark], count: int) -> Sequence[LearnedMark]:
    return pool[:count]


def errors(pool: Sequence[LearnedMark], count: int) -> Sequence[LearnedMark]:
    """Those that are furthest on the wrong side."""
    return sorted(pool, key=lambda mark: mark.base if mark.is_spam else -mark.base)[:count]


def spam_only(pool: Sequence[LearnedMark], count: int) -> Sequence[LearnedMark]:
    return [mark for mark in pool if mark.is_spam][:count]


def measure(marks: Sequence[LearnedMark], choose: Choose, count: int, seed: int) -> tuple[float, float, float]:
    """1-ROCA%, and the percentages of ham and of spam that score 0.95 or more, of the half that is judged."""
    order = list(marks)
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
    pool, judged = order[: len(order) // 2], order[len(order) // 2 :]
    weights = learn_marks(choose(pool, count))
    scored = [(mark.base + correct(weights, mark.view)[0], mark.is_spam) for mark in judged]
    ham = [score >= THRESHOLD for score, is_spam in scored if not is_spam]
    spam = [score >= THRESHOLD for score, is_spam in scored if is_spam]
    return separate(scored).one_minus_roca_percent, 100 * fmean(ham), 100 * fmean(spam)


if __name__ == "__main__":
    main()
