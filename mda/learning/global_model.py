"""What all users' marks add to the base model: one number a mark, added to the weight of each feature of its view.

So a mark is taken back by subtracting its number, and the model is the base and the sum over the marks that there are:
a restart adds them up again. How far a mark goes is bounded: a user's n-th mark counts 1/n^2, so that all the marks of
one user together do less than 1.65 single ones; the n-th mark of a campaign counts 1/n.
"""

import math
import os
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mda import weights
from mda.antispam.verdict import Category
from mda.binding import Model, view_add, view_margin
from mda.metadata.learning.training import Learned

STEP = 0.045
"""Log-odds that a wholly wrong verdict adds to each weight of a view: one mark moves a like message of usual size
(3,500 features) by a fifth, and no message by more than 0.72."""

MOST_OF_A_USER = 1.65
"""Single marks: the sum of 1/n^2."""


class GlobalModel:
    """The base model's weights and what the marks add to them."""

    def __init__(self, base: Model) -> None:
        self._base = base.weights
        self._added = array("f", bytes(4 << self._base.bits))
        self._of_account: Counter[int] = Counter()
        self._of_campaign: Counter[int] = Counter()

    @property
    def mark_count(self) -> int:
        return self._of_account.total()

    def reload(self, marks: Iterable[Learned]) -> None:
        """Makes it again of these marks."""
        self._added = array("f", bytes(4 << self._base.bits))
        self._of_account.clear()
        self._of_campaign.clear()
        for mark in marks:
            self.add(mark)

    def add(self, mark: Learned) -> None:
        """Adds a mark that has its step."""
        view_add(self._added, self._base.bits, mark.view, mark.step)
        self._count(mark, +1)

    def take_back(self, mark: Learned) -> None:
        """Subtracts a mark."""
        view_add(self._added, self._base.bits, mark.view, -mark.step)
        self._count(mark, -1)

    def step(self, account_id: int, campaign: int | None, view: bytes, base: float, is_spam: bool) -> float:
        """What a mark would add, as the model is now."""
        believed = base + self._base.slope * view_margin(self._added, self._base.bits, view)
        error = 1.0 / (1.0 + math.exp(-min(max(believed, -40.0), 40.0))) - (1.0 if is_spam else 0.0)
        of_campaign = 0 if campaign is None else self._of_campaign[campaign]
        times = max((self._of_account[account_id] + 1) ** 2, of_campaign + 1)
        return -STEP / self._base.slope * error / times

    def packed(self) -> bytes:
        """The model's file. What is less than a step of a weight's byte is rounded up for so many features, always the
        same ones, as it is of that step: small changes would else never be seen."""
        raw = bytearray(self._base.raw_weights)
        for bucket, added in enumerate(self._added):
            if added:
                place = 2 * bucket  # the weight of the pair, see csrc/antispam/score.h
                signed = raw[place] - 256 if raw[place] > 127 else raw[place]
                rounded = math.floor(signed + added / self._base.scale + _fraction(bucket))
                raw[place] = min(max(rounded, -127), 127) & 0xFF
        known = self._base.categories | Category.CAMPAIGN.bit  # what the base model can't know, marks teach
        messages = self._base.messages + self.mark_count
        return weights.pack(replace(self._base, raw_weights=bytes(raw), messages=messages, categories=known))

    def _count(self, mark: Learned, sign: int) -> None:
        self._of_account[mark.account_id] += sign
        if mark.campaign is not None:
            self._of_campaign[mark.campaign] += sign


def write(path: Path, packed: bytes) -> None:
    """Replaces a model's file: readers find the old one or the new one, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with new.open("wb") as stream:
        stream.write(packed)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)


def _fraction(bucket: int) -> float:
    """Between 0 and 1, spread evenly over the buckets."""
    return (((bucket * 0x9E3779B1) & 0xFFFFFFFF) + 0.5) / 2**32
