"""From labelled messages to a model: logistic regression with AdaGrad steps and naive Bayes, then calibration.

The learner (csrc/antispam/learn.h) goes over the examples several times. Each pass shows each example through a view
(some kinds of evidence covered), so that no single kind carries the verdict: mail from elsewhere lacks most of what a
corpus's headers give away. Everything here is deterministic: the order comes from a seeded generator, so the same
examples give the same weights.

Offers `seen_through`, `train`, `calibrate` and `quantise`; extraction and the step itself are the C core's, through
`mda.binding`.
"""

import math
import random
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from mda.antispam.evaluation import separate
from mda.antispam.verdict import Category
from mda.binding import FEATURE_VERSION, Learner, campaign_features
from mda.errors import InvalidValue
from mda.weights import Weights

MOST_COPIES = 1 << 31

FULL_VIEW = sum(category.bit for category in Category)
"""All evidence."""

NEW_SITE_VIEW = FULL_VIEW & ~(Category.TRANSPORT.bit | Category.CAMPAIGN.bit | Category.AUTHENTICATION.bit)
"""All that mail from elsewhere can teach: not what the way to a site wrote, what comes there in numbers, what is proven
there."""

LITE_VIEW = NEW_SITE_VIEW & ~sum(
    category.bit for category in (Category.HEADER_WORDS, Category.HEADER_TEXT, Category.HEADER_SHAPE)
)
"""Subject, From, To, Content-* and the body: what carries over to another site."""


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled message: `features` as `mda.binding.features` gives them."""

    features: bytes
    is_spam: bool
    importance: float = 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the defaults are what docs/antispam.md reports."""

    bits: int = 20
    floor: float = 16.0
    rates: tuple[float, float] = (0.5, 2.0)
    share: float = 0.2
    views: tuple[int, ...] = (FULL_VIEW, LITE_VIEW)
    """One pass each; what any of them shows is counted for naive Bayes."""
    orders: int = 8
    """As many learners, each with the examples in orders of its own, are averaged: the first examples that a learner
    meets have too large a say."""
    seed: int = 2
    target_false_positives: float = 0.005
    target_score: float = 0.95

    @property
    def categories(self) -> int:
        """All that any pass shows."""
        return reduce(or_, self.views, 0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """score = 1 / (1 + exp(-(slope * margin + intercept)))."""

    slope: float
    intercept: float

    def score(self, margin: float) -> float:
        return 1.0 / (1.0 + math.exp(-min(max(self.slope * margin + self.intercept, -700.0), 700.0)))


@dataclass(frozen=True, slots=True)
class Trained:
    """What was learned, before calibration and rounding to bytes."""

    recipe: Recipe
    learners: tuple[Learner, ...]
    messages: int

    @property
    def bias(self) -> float:
        return sum(learner.bias for learner in self.learners) / len(self.learners)

    def margin(self, features: bytes, view: int = FULL_VIEW) -> float:
        return sum(learner.margin(features, view) for learner in self.learners) / len(self.learners)

    def read(self) -> tuple["array[float]", bytes]:
        """Of each bucket the mean weight, and its log-odds, which all learners have alike."""
        means, odds = zip(*(learner.read() for learner in self.learners), strict=True)
        return array("f", (sum(weights) / len(means) for weights in zip(*means, strict=True))), odds[0]


def seen_through(view: int, features: bytes) -> bytes:
    """Those of `features` that are of the view's categories."""
    return array("I", [feature for feature in memoryview(features).cast("I") if view >> (feature >> 28) & 1]).tobytes()


def train(examples: Sequence[Example], recipe: Recipe | None = None) -> Trained:
    """Learns from `examples`; InvalidValue unless there are both ham and spam."""
    recipe = recipe or Recipe()
    if len({example.is_spam for example in examples}) < 2:
        raise InvalidValue("training needs both ham and spam")
    generator = random.Random(recipe.seed)  # noqa: S311 - an order, not a secret
    learners = tuple(_learned(list(examples), recipe, generator) for _ in range(recipe.orders))
    return Trained(recipe, learners, len(examples))


def _learned(examples: list[Example], recipe: Recipe, generator: random.Random) -> Learner:
    """Each view a pass, in another order."""
    learner = Learner(recipe.bits, recipe.floor, recipe.rates, recipe.share)
    for example in examples:
        learner.count(example.features, recipe.categories, example.is_spam)
    for view in recipe.views:
        generator.shuffle(examples)
        for example in examples:
            learner.step(example.features, view, example.is_spam, example.importance)
    return learner


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
    means, odds = trained.read()
    known = sorted(abs(weight) for weight in means if weight)
    scale = known[int(len(known) * 0.9995)] / 127 if known else 1.0
    raw = bytearray(2 * len(means))
    raw[::2] = bytes(max(-127, min(127, round(weight / scale))) & 0xFF for weight in means)
    raw[1::2] = odds
    for bucket in campaign_buckets(trained.recipe.bits):  # no corpus teaches them, and whoever shares a bucket must not
        raw[2 * bucket : 2 * bucket + 2] = bytes(2)
    return Weights(
        feature_version=FEATURE_VERSION,
        bits=trained.recipe.bits,
        messages=trained.messages,
        scale=scale,
        bias=trained.bias,
        floor=trained.recipe.floor,
        slope=calibration.slope,
        intercept=calibration.intercept,
        threshold=trained.recipe.target_score,
        categories=trained.recipe.categories,
        share=trained.recipe.share,
        raw_weights=bytes(raw),
    )


def campaign_buckets(bits: int) -> Iterator[int]:
    """Where a model of 1 << bits buckets has its campaign's features (`spam_bucket` of csrc/antispam/score.h)."""
    for feature in memoryview(campaign_features(MOST_COPIES)).cast("I"):
        yield (feature * 0x9E3779B1 & 0xFFFFFFFF) >> (32 - bits)


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
