"""Evidence beside the model's: a user's marks, whom the user writes to, authentication, a filter in front.

Each `Finding` adds its log-odds to the model's; `weighed` makes the verdict of one recipient. Pure, and for one
recipient alone: nothing that a user has taught shows in another one's verdict.
"""

from collections.abc import Sequence
from enum import Enum

import msgspec
from msgspec.structs import replace

from mda.antispam.log_odds import log_odds, probability
from mda.antispam.verdict import Category, Reason, Verdict

CORRESPONDENT_WEIGHT = -4.0
"""From someone to whom the user has written, and authenticated: at 0.95 about 0.5."""

FAILED_WEIGHT = 1.0
"""DMARC failed: forwarders and lists do that to honest mail, too."""


class Part(Enum):
    """Whose evidence it is; the values are how headers and commands show it."""

    MODEL = "model"
    MARKS = "marks"
    CORRESPONDENT = "correspondent"
    AUTHENTICATION = "authentication"
    FRONT = "filter in front"


class Finding(msgspec.Struct, frozen=True):
    """What one part adds to the log-odds of spam, and of which features, if it has any."""

    part: Part
    weight: float
    features: tuple[tuple[int, float], ...] = ()


def weighed(verdict: Verdict, findings: Sequence[Finding]) -> Verdict:
    """The verdict with all findings; the same object where there are none."""
    if not findings:
        return verdict
    score = probability(log_odds(verdict.score) + sum(finding.weight for finding in findings))
    return replace(
        verdict,
        is_spam=score >= verdict.threshold,
        score=score,
        added=tuple(reason for finding in findings for reason in _reasons(finding)),
        findings=tuple((finding.part.value, finding.weight) for finding in findings),
    )


def _reasons(finding: Finding) -> tuple[Reason, ...]:
    """The whole of it first, then the features that it is made of."""
    part = finding.part.value
    features = (Reason(Category(feature >> 28), feature, weight, part) for feature, weight in finding.features)
    return (Reason(None, 0, finding.weight, part), *features)
