"""What the classifier says of one message, and why, in terms an admin can act on.

Plain values. A reason names the kind of evidence (a closed list), the feature's id and its weight; the words behind
an id are not stored: whoever may read the message can cut them from it again.
"""

from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import NamedTuple, Protocol

import msgspec


class Category(Enum):
    """Where evidence was found; the values are the C core's `enum spam_category`."""

    SUBJECT = 0
    SENDER = 1
    RECIPIENT = 2
    HEADER_WORDS = 3
    HEADER_TEXT = 4
    HEADER_SHAPE = 5
    BODY_WORDS = 6
    BODY_TEXT = 7
    HTML_SHAPE = 8
    URLS = 9
    MIME_SHAPE = 10
    ATTACHMENTS = 11
    TRANSPORT = 12
    CAMPAIGN = 13
    AUTHENTICATION = 14

    @property
    def label(self) -> str:
        """How headers and commands show it: `body words`."""
        return _LABELS[self.value]

    @property
    def bit(self) -> int:
        """Its place in a mask of categories."""
        return 1 << self.value


class Reason(NamedTuple):
    """One feature: `weight` is what it adds to the log-odds of spam; below 0 it speaks for ham."""

    category: Category | None
    """None for evidence that is no feature of the message."""
    feature_id: int
    weight: float
    part: str = "model"
    """Whose evidence it is: `mda.antispam.evidence.Part`."""

    @property
    def label(self) -> str:
        """`body words`, or with another part than the model's in front: `marks: body words`, `correspondent`."""
        if self.category is None:
            return self.part
        return self.category.label if self.part == "model" else f"{self.part}: {self.category.label}"


class CategoryWeight(NamedTuple):
    """All evidence of one category together, in log-odds."""

    category: Category
    weight: float


class Found(Protocol):
    """What a model has found in a message: `mda.binding.SpamScore`."""

    @property
    def contributions(self) -> tuple[tuple[int, float], ...]:
        """(feature id, weight) of the features that weigh most, heaviest first."""
        ...

    def evidence(self, count: int) -> bytes:
        """The first `count` of them, in a form that is quickly taken; `contributions_of` reads it."""
        ...

    @property
    def categories(self) -> tuple[float, ...]:
        """The sums by category, in the order of Category."""
        ...

    @property
    def for_spam(self) -> bytes:
        """The four categories that speak most for spam, heaviest first."""
        ...

    @property
    def for_ham(self) -> bytes:
        """As `for_spam`."""
        ...

    @property
    def reason_columns(self) -> tuple[bytes, bytes, bytes, bytes]:
        """All `contributions` in columns: their categories, each once; for each of them the place of its category, its
        feature in 4 bytes and its weight in 2, little-endian."""
        ...


class Verdict(msgspec.Struct, frozen=True):
    """`score` is the probability that the message is spam, 0 to 1; `is_spam` is score >= threshold. Why is read of what
    the model found when somebody asks."""

    is_spam: bool
    score: float
    threshold: float
    found: Found
    model_version: str
    feature_version: int
    added: tuple[Reason, ...] = ()
    """Reasons beside the model's."""
    findings: tuple[tuple[str, float], ...] = ()
    """What other parts than the model's have added, in log-odds."""

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The features that weigh most, heaviest first."""
        own = [Reason(_CATEGORIES[feature >> 28], feature, weight) for feature, weight in self.found.contributions]
        return tuple(sorted([*own, *self.added], key=_size, reverse=True) if self.added else own)

    def beside_the_model(self) -> tuple[tuple[str, float], ...]:
        """Those of `reasons` that `found` does not have, as label and weight: cheap, for every message's trace."""
        return tuple([(_label(one.category, one.part), one.weight) for one in self.added]) if self.added else ()

    @property
    def categories(self) -> tuple[CategoryWeight, ...]:
        """The sums by category, heaviest first; categories without evidence are left out."""
        sums = zip(_CATEGORIES, self.found.categories, strict=True)
        return tuple(sorted((CategoryWeight(*one) for one in sums if one[1]), key=_size, reverse=True))


_CATEGORIES = tuple(Category)
"""By value: a look-up in a tuple costs a tenth of a call of the enum."""

_LABELS = tuple(category.name.lower().replace("_", " ") for category in Category)


def labels(categories: Iterable[int]) -> tuple[str, ...]:
    """Of categories by their values."""
    return tuple(_LABELS[category] for category in categories)


def heaviest(
    contributions: Iterable[tuple[int, float]], beside: Iterable[tuple[str, float]], count: int
) -> tuple[tuple[str, float], ...]:
    """The first `count` of a verdict's `reasons`, as label and weight, from what a model found and what was beside
    it."""
    own = [(_LABELS[feature >> 28], weight) for feature, weight in contributions]
    return tuple(sorted([*own, *beside], key=_weight_of_pair, reverse=True)[:count])


@cache
def _label(category: Category | None, part: str) -> str:
    """`Reason.label`, made once for all messages."""
    return Reason(category, 0, 0.0, part).label


def _weight_of_pair(one: tuple[str, float]) -> float:
    return abs(one[1])


def _size(one: Reason | CategoryWeight) -> float:
    return abs(one.weight)
