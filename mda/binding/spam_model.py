"""The classifier's weights in one file, and the score that they give a message (csrc/antispam/score.h)."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mda import weights
from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.errors import SettingsError

FEATURE_VERSION: int = _lib.SPAM_FEATURE_VERSION
"""Weights are only good for the features that they were trained on."""

TOP_CONTRIBUTIONS: int = _lib.SPAM_TOP
"""How many contributions a SpamScore shows at most."""

_SCORE = struct.Struct(f"=d{_lib.SPAM_BANDS}QfII{'If' * TOP_CONTRIBUTIONS}{_lib.SPAM_CATEGORIES}f")
"""spam_score without its padding at the end."""


@dataclass(frozen=True, slots=True)
class SpamScore:
    """What a model says of a message; `mda.antispam.classifier` makes a verdict of it. Weights are in log-odds."""

    probability: float
    margin: float
    feature_count: int
    contributions: tuple[tuple[int, float], ...]
    """(feature id, weight) of those that weigh most; the category is in the id's top 4 bits."""
    categories: tuple[float, ...]
    """Sums of all weights by category."""
    model_version: str
    feature_version: int
    bands: tuple[int, ...] = ()
    """What near copies share (`mda.binding.campaigns`); zeros where the message was scored by its features alone."""


class Model:
    """The weights in one file, checked; any number of threads may score with it at once.

    The file is copied, not mapped: a map of a file that someone overwrites in place ends the process with SIGBUS.
    """

    def __init__(self, path: Path) -> None:
        """SettingsError if the file can't be read, InvalidValue if it is not a whole model of FEATURE_VERSION."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SettingsError(f"spam model {path}: {error.strerror}", "check spam.model") from error
        self.weights = weights.unpack(content, FEATURE_VERSION, str(path))
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

    @property
    def version(self) -> str:
        """Names these very weights: the head of the file's checksum."""
        return self.weights.version

    def score(self, ids: bytes) -> SpamScore:
        """Scores a message by its features, as `features` gives them; `examine` does both at once."""
        pointer = _ffi.from_buffer("uint32_t[]", ids)
        score = _ffi.new("spam_score *")
        _lib.spam_score_features(self._model, pointer, len(pointer), score)
        return copy_score(score, self)

    @property
    def pointer(self) -> Any:
        """The spam_model; it lives as long as this object."""
        return self._model


def copy_score(score: Any, model: Model) -> SpamScore:
    """The values of a spam_score that `model` gave."""
    probability, *numbers = _SCORE.unpack_from(_ffi.buffer(score))
    bands, (margin, feature_count, top_count, *rest) = numbers[: _lib.SPAM_BANDS], numbers[_lib.SPAM_BANDS :]
    top, categories = rest[: 2 * top_count], rest[2 * TOP_CONTRIBUTIONS :]
    return SpamScore(
        probability=probability,
        margin=margin,
        feature_count=feature_count,
        contributions=tuple(zip(top[::2], top[1::2], strict=True)),
        categories=tuple(categories),
        model_version=model.version,
        feature_version=FEATURE_VERSION,
        bands=tuple(bands),
    )
