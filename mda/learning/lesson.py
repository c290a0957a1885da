"""A message to be learned: what a mark keeps of it.

`Pupil` reads messages with the base model: what users have taught changes neither a mark's base nor, by that, another
user's weights.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mda import binding
from mda.antispam.classifier import base_model_path
from mda.antispam.log_odds import log_odds
from mda.binding import Campaign
from mda.metadata.content.spam_reasons import SpamReasons

LIKELIHOOD_LIMIT = 16.0
"""Log-odds beyond which a probability says no more."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One message as a mark keeps it."""

    content_id: int
    view: bytes
    base: float
    campaign: int | None = None
    """Its id."""


class Pupil:
    """Reads messages for learning."""

    def __init__(self, model_path: Path | None = None) -> None:
        self.model = binding.Model(model_path or base_model_path())

    def read(self, content_id: int, raw: bytes, kept: SpamReasons | None = None) -> Lesson:
        """The lesson of one message; with what its row has `kept`, as its delivery saw it."""
        campaign = campaign_of(kept) if kept else None
        features = binding.features(raw, campaign.count if campaign else 0, kept.proof if kept else "")
        base = log_odds(self.model.score(features).probability, LIKELIHOOD_LIMIT)
        return Lesson(content_id, binding.view(features), base, campaign.id if campaign else None)


def campaign_of(spam_reasons: SpamReasons) -> Campaign | None:
    """The campaign that a stored message was found in, as its delivery saw it."""
    return Campaign(*spam_reasons.campaign) if spam_reasons.campaign else None


def outside_id(raw: bytes) -> int:
    """A mark's content id for a message that is in no mailbox: below 0, the same for the same bytes."""
    head = int.from_bytes(hashlib.sha256(raw.replace(b"\r\n", b"\n")).digest()[:8], "big")
    return -1 - (head >> 1)
