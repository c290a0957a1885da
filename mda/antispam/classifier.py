"""The classifier of one process: holds the model, takes a new one when its file is replaced, gives verdicts.

A model file that is missing, damaged or of another version never takes a working model away: the old one stays, and
`trouble` says what is wrong. With no model at all `model` raises an MdaError; the caller delivers unclassified then.
Scoring itself has happened in `mda.binding`; `judge` only reads its result. Safe to share between threads.
"""

import time
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mda.antispam.verdict import Verdict
from mda.binding import Model, SpamScore
from mda.errors import InvalidValue, MdaError, SettingsError
from mda.logs import logger

BASE_MODEL = "base.bin"


@dataclass(frozen=True, slots=True)
class _Stamp:
    """Tells a replaced file from the one that was read."""

    device: int
    inode: int
    size: int
    modified_ns: int


class Classifier:
    """Gives verdicts with the model at `trained_path` if the trainer has written one, else with that at `model_path`,
    else with the package's base model. Processes that name the same `shared_folder` have its weights in memory once.

    With `background` a model that replaces another is read there, and the old one judges until it is ready: an event
    loop that asks does not stand still for the milliseconds that reading takes. While a model is in use, its file is
    looked at no more than every `look_seconds`."""

    def __init__(
        self,
        model_path: Path | None = None,
        trained_path: Path | None = None,
        shared_folder: Path | None = None,
        background: Executor | None = None,
        look_seconds: float = 0,
    ) -> None:
        self._base = model_path or base_model_path()
        self._trained = trained_path
        self._shared_folder = shared_folder
        self._background = background
        self._look_seconds = look_seconds
        self._look_at = 0.0
        self._reading: Future[None] | None = None
        self._path = self._base
        self._model: Model | None = None
        self._stamp: _Stamp | None = None
        self._trouble: MdaError | None = None

    @property
    def path(self) -> Path:
        """The file that is used, or would be."""
        return self._path

    @property
    def trouble(self) -> MdaError | None:
        """Why the file now at the path is not in use; None when all is well."""
        return self._trouble

    @property
    def model(self) -> Model:
        """The model to examine the next message with; SettingsError or InvalidValue when there has never been one."""
        self._refresh()
        if self._model is not None:
            return self._model
        raise self._trouble or SettingsError(f"{self._path} could not be read")

    def judge(self, score: SpamScore | None, threshold: float) -> Verdict:
        """The verdict on a message that was scored so; InvalidValue if it was not."""
        if score is None:
            raise InvalidValue("the message was examined without a spam model", "pass classifier.model to examine")
        probability = score.probability
        return Verdict(
            probability >= threshold, probability, threshold, score, score.model_version, score.feature_version
        )

    def _refresh(self) -> None:
        if self._look_seconds:
            now = time.monotonic()
            if self._model is not None and now < self._look_at:
                return
            self._look_at = now + self._look_seconds
        stamp = None if self._trained is None else _stamp(self._trained)
        if self._trained is not None and stamp is not None:
            self._read(self._trained, stamp)
        if stamp is None or self._model is None:
            self._read(self._base, _stamp(self._base))

    def _read(self, path: Path, stamp: _Stamp | None) -> None:
        if stamp == self._stamp and (self._model is not None or stamp is not None):
            return
        if self._reading is not None and not self._reading.done():
            return
        self._path, self._stamp = path, stamp
        if self._background is None or self._model is None:
            self._take(path)
        else:
            self._reading = self._background.submit(self._take, path)

    def _take(self, path: Path) -> None:
        try:
            self._model = Model(path, self._shared_folder)
            self._trouble = None
        except MdaError as error:
            self._trouble = error
        except Exception as error:
            # In the background nobody else would hear of it, and the old model would judge on as if all were well.
            logger("antispam").exception("model_not_read", path=str(path))
            self._trouble = InvalidValue(f"{path} could not be read: {error!r}", "train it again: mda spam trainer")


def base_model_path() -> Path:
    """The model that comes with the package."""
    return Path(str(resources.files("mda.antispam") / BASE_MODEL))


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return _Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
