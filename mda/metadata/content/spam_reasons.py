"""Why a message got its spam score, as its row keeps it: columns of numbers, a third of what JSON takes of the same.

A reason is (kind of evidence, feature id, weight in log-odds). Feature ids have 32 bits (csrc/antispam/features.h), 0
where the evidence is no feature; weights have the eleven bits of IEEE 754's binary16: 2.5345 comes back as
2.5352.
"""

import math
import struct
from collections.abc import Iterable
from typing import Any

import msgspec

Reason = tuple[str, int, float]

MOST_WEIGHT = 65_504.0
"""binary16 has no larger one."""

_FEATURE_BITS = 0xFFFF_FFFF
BETWEEN_KINDS = "\n"


class SpamReasons(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`model` is the version of the model that judged; `campaign` the id of the run of near copies that the message
    belongs to, and how many there had been with it; `proof` what our milter had said of the domain in From: `passed`,
    `failed`, or nothing. The other fields are the form of `reasons`."""

    model: str = ""
    campaign: tuple[int, int] | None = None
    kinds: str = ""
    """Each once, between line feeds."""
    places: bytes = b""
    """Of each reason, the place of its kind in `kinds`."""
    features: bytes = b""
    """Of each reason 4 bytes, little-endian."""
    weights: bytes = b""
    """Of each reason 2 bytes, little-endian."""
    proof: str = ""

    @property
    def campaign_id(self) -> int | None:
        return self.campaign[0] if self.campaign else None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The heaviest, in the order of their weight."""
        kinds, count = self.kinds.split(BETWEEN_KINDS), len(self.places)
        features = struct.unpack(f"<{count}I", self.features)
        weights = struct.unpack(f"<{count}e", self.weights)
        return tuple(
            (kinds[place], feature, weight)
            for place, feature, weight in zip(self.places, features, weights, strict=True)
        )


def spam_reasons(
    reasons: Iterable[Reason], model: str = "", campaign: tuple[int, int] | None = None, proof: str = ""
) -> SpamReasons:
    """Packs at most 255 reasons. A weight that is no number counts as 0."""
    columns = tuple(zip(*reasons, strict=True))
    if not columns:
        return SpamReasons(model, campaign, proof=proof)
    kinds, features, weights = columns
    count, distinct = len(kinds), tuple(dict.fromkeys(kinds))
    if not sum(map(abs, weights)) <= MOST_WEIGHT:  # too large, or no number
        weights = tuple(map(_weight, weights))
    return SpamReasons(
        model,
        campaign,
        BETWEEN_KINDS.join(distinct),
        bytes(map(distinct.index, kinds)),
        struct.pack(f"<{count}I", *features),
        struct.pack(f"<{count}e", *weights),
        proof,
    )


def from_json(document: Any) -> SpamReasons:
    """Of the form that rows had before, and that checkpoints have: `{"model": ..., "campaign": [id, count], "reasons":
    [[kind, feature, weight], ...]}`, or the list of reasons alone."""
    if not document:
        return SpamReasons()
    named = document if isinstance(document, dict) else {"reasons": document}
    campaign = named.get("campaign")
    reasons = (
        (str(kind), int(feature) & _FEATURE_BITS, float(weight or 0))
        for kind, feature, weight in named.get("reasons", ())
    )
    return spam_reasons(
        reasons, named.get("model", ""), (campaign[0], campaign[1]) if campaign else None, named.get("proof", "")
    )


def to_json(found: SpamReasons) -> dict[str, Any] | None:
    """The inverse of `from_json`; None where there is nothing to say."""
    if found == SpamReasons():
        return None
    document: dict[str, Any] = {"model": found.model, "reasons": [list(reason) for reason in found.reasons]}
    if found.campaign:
        document["campaign"] = list(found.campaign)
    return document | ({"proof": found.proof} if found.proof else {})


def _weight(weight: float) -> float:
    return max(min(weight, MOST_WEIGHT), -MOST_WEIGHT) if math.isfinite(weight) else 0.0
