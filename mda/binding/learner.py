"""The features of a message, and learning from them (csrc/antispam/features.h, learn.h)."""

from array import array

from mda import weights
from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding import contexts
from mda.binding.layouts import DEFAULT_LIMITS, Limits
from mda.binding.status import check, copied, limits_of
from mda.errors import InvalidValue

PROOFS: dict[str, int] = {"passed": _lib.SPAM_PROOF_PASSED, "failed": _lib.SPAM_PROOF_FAILED}
"""What may be proven of the domain in From; anything else says nothing."""


def features(raw: bytes, copies: int = 0, proof: str = "", limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The ids of a message's features, 32 bits each in the machine's order: what a Learner learns from. `copies` is the
    count of its campaign (`mda.binding.Campaign`), 0 where it is of none; `proof` one of PROOFS, or anything else."""
    ids, count = _ffi.new("uint32_t **"), _ffi.new("uint32_t *")
    proven = PROOFS.get(proof, _lib.SPAM_PROOF_NONE)
    pointer = _ffi.from_buffer(raw)
    context = contexts.take()
    try:
        given = (context.pointer, pointer, len(raw), limits_of(limits), copies, proven)
        check(_lib.spam_read_features(*given, ids, count), len(raw))
        return copied(ids[0], 4 * count[0])
    finally:
        contexts.give(context)


_MOST_TELLING: int = _lib.SPAM_BAYES_TELLING


class Learner:
    """Logistic regression with slow and with fast steps and naive Bayes over 1 << bits buckets, see
    csrc/antispam/learn.h. Takes 20 octets a bucket. Not for two threads at once.

    `categories` is a mask of what may be seen: bit i is category i. `prior` is a margin known before; `trust` is how
    far it counts at the beginning. `telling` is by how many features Bayes goes before it has counted any message,
    `doubt` at how many of the rarer kind what is learned counts by half.
    """

    def __init__(
        self,
        bits: int,
        floor: float,
        rates: tuple[float, float],
        share: float,
        trust: float = 1.0,
        telling: int = _MOST_TELLING,
        doubt: float = 0.0,
    ) -> None:
        if not 1 <= bits <= weights.MAX_BITS:
            raise InvalidValue(f"bits must be 1 to {weights.MAX_BITS}, not {bits}")
        self._cells = _ffi.new("spam_cell[]", 1 << bits)
        self._learner = _ffi.new(
            "spam_learner *",
            {
                "cells": self._cells,
                "bits": bits,
                "floor": floor,
                "rates": rates,
                "share": share,
                "telling": telling,
                "doubt": doubt,
                "trust": (trust, trust),
            },
        )

    @property
    def bias(self) -> float:
        """The mean of both."""
        return float(self._learner.bias[0] + self._learner.bias[1]) / 2

    def margin(self, ids: bytes, categories: int, prior: float = 0.0) -> float:
        """How far on the spam side a message is; `ids` as `features` gives them."""
        pointer = _ffi.from_buffer("uint32_t[]", ids)
        return float(_lib.spam_learner_margin(self._learner, pointer, len(pointer), categories, prior))

    def step(self, ids: bytes, categories: int, is_spam: bool, importance: float = 1.0, prior: float = 0.0) -> float:
        """Learns one message; returns its margin before."""
        pointer = _ffi.from_buffer("uint32_t[]", ids)
        return float(
            _lib.spam_learner_step(self._learner, pointer, len(pointer), categories, prior, is_spam, importance)
        )

    def count(self, ids: bytes, categories: int, is_spam: bool) -> None:
        """Counts a message for naive Bayes; once a message, however often it is learned from."""
        pointer = _ffi.from_buffer("uint32_t[]", ids)
        _lib.spam_learner_count(self._learner, pointer, len(pointer), categories, is_spam)

    def read(self) -> tuple["array[float]", bytes]:
        """Of each bucket the mean weight, and its log-odds as a signed byte, in the C core's SPAM_BAYES_UNIT."""
        size = 1 << self._learner.bits
        means = array("f", bytes(4 * size))
        odds = bytearray(size)
        _lib.spam_learner_read(self._learner, _ffi.from_buffer("float[]", means), _ffi.from_buffer("int8_t[]", odds))
        return means, bytes(odds)
