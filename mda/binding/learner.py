"""The features of a message, and learning from them (csrc/antispam/features.h, learn.h)."""

from array import array

from mda import weights
from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding.layouts import DEFAULT_LIMITS, Limits
from mda.binding.status import check, limits_of
from mda.errors import InvalidValue


def features(raw: bytes, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The ids of a message's features, 32 bits each in the machine's order: what a Learner learns from."""
    result = _ffi.new("mime_message **")
    check(_lib.mime_parse(_ffi.from_buffer(raw), len(raw), limits_of(limits), result), len(raw))
    try:
        ids = _ffi.new("uint32_t[]", _lib.SPAM_MAX_FEATURES)
        count = _ffi.new("uint32_t *")
        check(_lib.spam_message_features(result[0], ids, count), len(raw))
        return bytes(_ffi.buffer(ids, 4 * count[0]))
    finally:
        _lib.mime_free(result[0])


class Learner:
    """Online logistic regression over 1 << bits weights, see csrc/antispam/learn.h. Not for two threads at once.

    `categories` is a mask of what may be seen: bit i is category i.
    """

    def __init__(self, bits: int, floor: float, rate: float) -> None:
        if not 1 <= bits <= weights.MAX_BITS:
            raise InvalidValue(f"bits must be 1 to {weights.MAX_BITS}, not {bits}")
        self.weights = array("f", bytes(4 << bits))
        self._squares = array("f", bytes(4 << bits))
        self._owners = _ffi.from_buffer("float[]", self.weights), _ffi.from_buffer("float[]", self._squares)
        self._learner = _ffi.new("spam_learner *", (*self._owners, bits, 0.0, 0.0, floor, rate))

    @property
    def bias(self) -> float:
        return float(self._learner.bias)

    def margin(self, ids: bytes, categories: int) -> float:
        """How far on the spam side a message is; `ids` as `features` gives them."""
        pointer = _ffi.from_buffer("uint32_t[]", ids)
        return float(_lib.spam_learner_margin(self._learner, pointer, len(pointer), categories))

    def step(self, ids: bytes, categories: int, is_spam: bool, importance: float = 1.0) -> float:
        """Learns one message; returns its margin before."""
        pointer = _ffi.from_buffer("uint32_t[]", ids)
        return float(_lib.spam_learner_step(self._learner, pointer, len(pointer), categories, is_spam, importance))
