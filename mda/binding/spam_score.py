"""What a model says of one message, as the C core writes it (csrc/antispam/brief.h)."""

import struct
from typing import Any, ClassVar

import msgspec

from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding.campaigns import Campaign
from mda.binding.contributions import CONTRIBUTION, contributions_of

FEATURE_VERSION: int = _lib.SPAM_FEATURE_VERSION
"""Weights are only good for the features that they were trained on."""

TOP_CONTRIBUTIONS: int = _lib.SPAM_TOP
"""How many contributions a SpamScore shows at most."""

_HEAD = struct.Struct("=dIIfII")
_COUNT = struct.Struct("=I")
"""The head's last member."""
_CATEGORIES = struct.Struct(f"={_lib.SPAM_CATEGORIES}f")
"""spam_score is the head, TOP_CONTRIBUTIONS of contributions, the categories, padding, and the bands."""

_BANDS_BYTES = 8 * int(_lib.SPAM_BANDS)


class SpamScore(msgspec.Struct, array_like=True):
    """`mda.antispam.classifier` makes a verdict of it. Weights are in log-odds. What every delivery asks for is a
    member; the rest is made of the octets of the C core's spam_score when it is asked for."""

    octets: bytes
    model_version: str = ""
    probability: float = 0.0
    campaign: Campaign | None = None
    """The run of near copies that it belongs to; None where it was not counted, or has too few words."""
    reason_columns: tuple[bytes, bytes, bytes, bytes] = (b"", b"", b"", b"")
    """Of all `contributions`, as rows keep them (mda/metadata/content/spam_reasons.py): their categories, each once;
    for each the place of its category, its feature, and its weight."""
    for_spam: bytes = b""
    """The four categories that speak most for spam, heaviest first."""
    for_ham: bytes = b""

    feature_version: ClassVar[int] = FEATURE_VERSION

    @property
    def bands(self) -> bytes:
        """By which it was counted among its near copies (`CampaignTable.withdraw`)."""
        return self.octets[-_BANDS_BYTES:]

    @property
    def margin(self) -> float:
        return float(_HEAD.unpack_from(self.octets)[3])

    @property
    def feature_count(self) -> int:
        return int(_HEAD.unpack_from(self.octets)[4])

    @property
    def contributions(self) -> tuple[tuple[int, float], ...]:
        """(feature id, weight) of those that weigh most; the category is in the id's top 4 bits."""
        return contributions_of(self.evidence(TOP_CONTRIBUTIONS))

    def evidence(self, count: int) -> bytes:
        """The first `count` of `contributions` as `contributions_of` reads them: nothing but a copy of octets."""
        count = min(count, _COUNT.unpack_from(self.octets, _HEAD.size - _COUNT.size)[0])
        return self.octets[_HEAD.size : _HEAD.size + count * CONTRIBUTION.size]

    @property
    def categories(self) -> tuple[float, ...]:
        """Sums of all weights by category."""
        return _CATEGORIES.unpack_from(self.octets, _HEAD.size + TOP_CONTRIBUTIONS * CONTRIBUTION.size)


_decode = msgspec.msgpack.Decoder(SpamScore).decode


def read_score(score: Any, model_version: str) -> SpamScore:
    """Of a spam_score, as the model of that version has made it."""
    out = _ffi.new("uint8_t[]", _lib.SPAM_SCORE_ROOM)
    found = _decode(_ffi.buffer(out, _lib.spam_score_write(score, out)))
    found.model_version = model_version
    return found
