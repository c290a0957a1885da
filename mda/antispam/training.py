"""From labelled messages to a model: logistic regression with AdaGrad steps, then calibration.

Two learners, a slow and a fast one, go over the same examples and are averaged: the fast one is better on little
mail, the slow one does not learn noise by heart. Each pass shows each example through a different view (some kinds of
evidence covered), so that no single kind carries the verdict: mail from elsewhere lacks most of what a corpus's
headers give away. Everything here is deterministic: order and views come from a seeded generator, so the same
examples give the same weights.

Offers `train`, `calibrate` and `quantise`; extraction and the step itself are the C core's, through `mda.binding`.
"""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mda.antispam.evaluation import separate
from mda.antispam.verdict import Category
from mda.binding import FEATURE_VERSION, Learner
from mda.errors import InvalidValue
from mda.weights import Weights

FULL_VIEW = sum(category.bit for category in Category)
"""All evidence."""

LITE_VIEW = FULL_VIEW & ~sum(
    category.bit for category in (Category.HEADER_WORDS, Category.HEADER_TEXT, Category.HEADER_SHAPE)
)
"""Subject, From, To, Content-* and the body: what carries over to another site."""

BODY_VIEW = sum(category.bit for category in (Category.BODY_WORDS, Category.BODY_TEXT, Category.URLS))
"""Words and links only."""

WORDS_VIEW = BODY_VIEW | Category.SUBJECT.bit | Category.SENDER.bit
"""What a reader reads."""


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled message: `features` as `mda.binding.features` gives them."""

    features: bytes
    is_spam: bool
    importance: float = 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the defaults are what docs/antispam.md reports."""

    bits: int = 19
    floor: float = 64.0
    rates: tuple[float, ...] = (0.5, 2.0)
    views: tuple[int, ...] = (FULL_VIEW, LITE_VIEW, FULL_VIEW, WORDS_VIEW, LITE_VIEW, BODY_VIEW)
    """One pass each."""
    seed: int = 20020801
    target_false_positives: float = 0.005
    target_score: float = 0.95


@dataclass(frozen=True, slots=True)
class Calibration:
    """score = 1 / (1 + exp(-(slope * margin + intercept)))."""

    slope: float
    intercept: float

    def score(self, margin: float) -> float:
        return 1.0 / (1.0 + math.exp(-min(max(self.slope * margin + self.intercept, -700.0), 700.0)))


@dataclass(frozen=True, slots=True)
class Trained:
    """The averaged learners, before calibration and rounding to bytes."""

    recipe: Recipe
    learners: tuple[Learner, ...]
    messages: int

    def margin(self, features: bytes, view: int = FULL_VIEW) -> float:
        return sum(learner.margin(features, view) for learner in self.learners) / len(self.learners)


def train(examples: Sequence[Example], recipe: Recipe | None = None) -> Trained:
    """Learns from `examples`; InvalidValue unless there are both ham and spam."""
    recipe = recipe or Recipe()
    if len({example.is_spam for example in examples}) < 2:
        raise InvalidValue("training needs both ham and spam")
    learners = tuple(Learner(recipe.bits, recipe.floor, rate) for rate in recipe.rates)
    generator = random.Random(recipe.seed)  # noqa: S311 - an order, not a secret
    order = list(range(len(examples)))
    for view in recipe.views:
        generator.shuffle(order)
        for index in order:
            example = examples[index]
            for learner in learners:
                learner.step(example.features, view, example.is_spam, example.importance)
    return Trained(recipe, learners, len(examples))


def held_out_margins(
    groups: Sequence[Sequence[Example]], recipe: Recipe, views: Sequence[int]
) -> Iterator[tuple[float, bool]]:
    """(margin, is_spam) of each example in each view, by a model that was trained on all groups but its own."""
    for held, group in enumerate(groups):
        trained = train([example for index, other in enumerate(groups) if index != held for example in other], recipe)
        for example in group:
            for view in views:
                yield trained.margin(example.features, view), example.is_spam


def calibrate(scored: Iterable[tuple[float, bool]], recipe: Recipe | None = None) -> Calibration:
    """Fits the score to (margin, is_spam) of messages that the model has not seen.

    Two wishes, two numbers: at the `target_false_positives` quantile of ham the score shall be `target_score`, which
    fixes the intercept; among those the slope of greatest likelihood is taken, which makes the score a probability.
    """
    recipe = recipe or Recipe()
    pairs = tuple(scored)
    cut = separate(pairs).threshold(recipe.target_false_positives)
    anchor = math.log(recipe.target_score / (1 - recipe.target_score))

    def loss(slope: float) -> float:
        return sum(_loss(slope * (margin - cut) + anchor, is_spam) for margin, is_spam in pairs)

    slope = _minimum(loss, 0.01, 30.0)
    return Calibration(slope, anchor - slope * cut)


def quantise(trained: Trained, calibration: Calibration) -> Weights:
    """The model with weights of one byte; the few that are beyond the range of a byte are clipped to it."""
    columns = [memoryview(learner.weights) for learner in trained.learners]
    mean = [sum(column) / len(columns) for column in zip(*columns, strict=True)]
    known = sorted(abs(weight) for weight in mean if weight)
    scale = known[int(len(known) * 0.9995)] / 127 if known else 1.0
    raw = bytes(max(-127, min(127, round(weight / scale))) & 0xFF for weight in mean)
    return Weights(
        feature_version=FEATURE_VERSION,
        bits=trained.recipe.bits,
        messages=trained.messages,
        scale=scale,
        bias=sum(learner.bias for learner in trained.learners) / len(columns),
        floor=trained.recipe.floor,
        slope=calibration.slope,
        intercept=calibration.intercept,
        threshold=trained.recipe.target_score,
        raw_weights=raw,
    )


def _loss(logit: float, is_spam: bool) -> float:
    signed = -logit if is_spam else logit
    return signed + math.log1p(math.exp(-signed)) if signed > 0 else math.log1p(math.exp(signed))


def _minimum(function: Callable[[float], float], low: float, high: float) -> float:
    """Golden-section search on a convex function."""
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if function(left) < function(right):
            high = right
        else:
            low = left
    return (low + high) / 2
