"""The classifier's weights in one file, and the score that they give a message (csrc/antispam/score.h)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from mda import weights
from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding.shared_copy import shared
from mda.binding.spam_score import FEATURE_VERSION, SpamScore, read_score
from mda.errors import SettingsError


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
        return read_score(score, self.version)

    @property
    def pointer(self) -> Any:
        """The spam_model; it lives as long as this object."""
        return self._model
