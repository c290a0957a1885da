"""A user's correction of the global score (csrc/antispam/personal.h): views, learning from marks."""

from collections.abc import Sequence
from dataclasses import dataclass

from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.errors import InvalidValue

VIEW_FEATURES: int = _lib.SPAM_VIEW_FEATURES
"""The most that a view holds."""

PERSONAL_FEATURES: int = _lib.SPAM_PERSONAL_FEATURES
"""The most weights that a user has."""


@dataclass(frozen=True, slots=True)
class LearnedMark:
    """One message that the user has judged: its view, and the global log-odds that it had."""

    view: bytes
    base: float
    is_spam: bool


@dataclass(frozen=True, slots=True)
class PersonalWeights:
    """A user's correction. `raw_ids` rise, 32 bits each in the machine's order; `raw_weights` are as many signed bytes,
    each times `scale`."""

    scale: float
    raw_ids: bytes
    raw_weights: bytes

    def __post_init__(self) -> None:
        if len(self.raw_ids) != 4 * len(self.raw_weights):
            raise InvalidValue("a user's weights and their ids are not as many")


def view(features: bytes) -> bytes:
    """The view of a message, of its features as `features` gives them."""
    pointer = _ffi.from_buffer("uint32_t[]", features)
    out = _ffi.new("spam_view *")
    _lib.spam_view_take(pointer, len(pointer), out)
    return bytes(_ffi.buffer(out.ids, 4 * out.count))


def correct(weights: PersonalWeights, view: bytes) -> tuple[float, tuple[tuple[int, float], ...]]:
    """The correction in log-odds, and the (feature id, weight) that weigh most in it."""
    ids = _ffi.from_buffer("uint32_t[]", weights.raw_ids)
    bytes_ = _ffi.from_buffer("int8_t[]", weights.raw_weights)
    seen = _ffi.from_buffer("uint32_t[]", view)
    top, count = _ffi.new("spam_contribution[]", _lib.SPAM_PERSONAL_TOP), _ffi.new("uint32_t *")
    total = _lib.spam_personal_score(ids, bytes_, len(bytes_), weights.scale, seen, len(seen), top, count)
    return float(total), tuple((int(one.feature), float(one.weight)) for one in top[0 : count[0]])


def learn_marks(marks: Sequence[LearnedMark]) -> PersonalWeights:
    """The weights that these marks make, in their order: the same marks give the same bytes."""
    views = [_ffi.from_buffer("uint32_t[]", mark.view) for mark in marks]
    rows = _ffi.new("spam_mark[]", len(marks))
    for row, mark, seen in zip(rows, marks, views, strict=True):
        row.ids, row.count, row.base, row.is_spam = seen, len(seen), mark.base, mark.is_spam
    out = _ffi.new("spam_personal *")
    if _lib.spam_personal_learn(rows, len(marks), out):
        raise MemoryError("no memory to learn a user's marks")
    raw_ids, raw_weights = _ffi.buffer(out.ids, 4 * out.count), _ffi.buffer(out.weights, out.count)
    return PersonalWeights(float(out.scale), bytes(raw_ids), bytes(raw_weights))


def view_margin(weights: object, bits: int, view: bytes) -> float:
    """The margin that a view has under a global model's `weights` (an array of 1 << bits floats)."""
    seen = _ffi.from_buffer("uint32_t[]", view)
    return float(_lib.spam_view_margin(_ffi.from_buffer("float[]", weights), bits, seen, len(seen)))


def view_add(weights: object, bits: int, view: bytes, amount: float) -> None:
    """Adds `amount` to the weight of each of a view's features."""
    seen = _ffi.from_buffer("uint32_t[]", view)
    _lib.spam_view_add(_ffi.from_buffer("float[]", weights), bits, seen, len(seen), amount)
