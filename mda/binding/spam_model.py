"""The classifier's weights in one file, and the score that they give a message (csrc/antispam/score.h)."""

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from mda import weights
from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding.campaigns import Campaign, campaign_of
from mda.binding.contributions import CONTRIBUTION, contributions_of
from mda.binding.shared_copy import shared
from mda.errors import SettingsError

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


class SpamScore(NamedTuple):
    """What a model says of a message; `mda.antispam.classifier` makes a verdict of it. Weights are in log-odds. Of the
    octets of the C core's spam_score each value is made when it is asked for."""

    octets: bytes
    model_version: str
    feature_version: int = FEATURE_VERSION

    @property
    def probability(self) -> float:
        return float(_HEAD.unpack_from(self.octets)[0])

    @property
    def campaign(self) -> Campaign | None:
        """The run of near copies that it belongs to; None where it was not counted, or has too few words."""
        return campaign_of(*_HEAD.unpack_from(self.octets)[1:3])

    @property
    def bands(self) -> bytes:
        """By which it was counted among its near copies (`CampaignTable.withdraw`)."""
        return self.octets[-_BANDS_BYTES:]

    @property
    def margin(self) -> float:
        return float(_HEAD.unpack_from(self.octets)[-3])

    @property
    def feature_count(self) -> int:
        return int(_HEAD.unpack_from(self.octets)[-2])

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


class Model:
    """The weights in one file, checked; any number of threads may score with it at once.

    With a `shared_folder` the weights are mapped from a copy there, which all processes have together (shared_copy.py);
    without, or where there can be none (`is_shared`), they are in this process's memory.
    """

    def __init__(self, path: Path, shared_folder: Path | None = None) -> None:
        """SettingsError if the file can't be read, InvalidValue if it is not a whole model of FEATURE_VERSION."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SettingsError(f"spam model {path}: {error.strerror}", "check spam.model") from error
        self.weights = weights.unpack(content, FEATURE_VERSION, str(path))
        self.is_shared = shared_folder is not None and self._share(content, shared_folder)
        raw_weights = _ffi.from_buffer("int8_t[]", self.weights.raw_weights)
        self._owner = raw_weights
        self._model = _ffi.new(
            "spam_model *",
            (
                raw_weights,
                self.weights.bits,
                self.weights.categories,
                self.weights.scale,
                self.weights.share,
                self.weights.bias,
                self.weights.floor,
                self.weights.slope,
                self.weights.intercept,
            ),
        )

    def _share(self, content: bytes, folder: Path) -> bool:
        """A folder that is full or not ours costs memory and nothing else."""
        try:
            mapped = shared(content, folder, self.weights.version)
        except OSError:
            return False
        self.weights = replace(self.weights, raw_weights=mapped[weights.HEADER_BYTES :])
        return True

    @property
    def version(self) -> str:
        """Names these very weights: the head of the file's checksum."""
        return self.weights.version

    def score(self, ids: bytes) -> SpamScore:
        """Scores a message by its features, as `features` gives them; `examine` does both at once."""
        pointer = _ffi.from_buffer("uint32_t[]", ids)
        score = _ffi.new("spam_score *")
        _lib.spam_score_features(self._model, pointer, len(pointer), score)
        return SpamScore(_ffi.buffer(score)[:], self.version)

    @property
    def pointer(self) -> Any:
        """The spam_model; it lives as long as this object."""
        return self._model
