"""The file that carries a spam model's weights: one header, two bytes a bucket, a checksum over both.

Layout, little-endian:

    0   8   magic `MDASPAM` NUL
    8   4   format version (2)
    12  4   feature version: the C core's SPAM_FEATURE_VERSION with which it was trained
    16  4   bits: there are 1 << bits buckets
    20  4   messages it was trained on
    24  28  seven float32: scale, bias, floor, slope, intercept, threshold, share
    52  4   categories: bit i is set if it was trained on features of category i
    56  8   zero, reserved
    64  32  SHA-256 of the first 64 bytes and the weights
    96  ..  of each bucket its weight and its log-odds, both int8; a weight's value is its byte times scale

Offers packing and unpacking; a file that is not whole and known raises InvalidValue, which says what is wrong with
it. It opens no files and scores nothing: that is `mda.binding`, and what the numbers mean is in csrc/antispam/score.h.
"""

import hashlib
import math
import struct
from dataclasses import dataclass

from mda.errors import InvalidValue

MAGIC = b"MDASPAM\0"
FORMAT_VERSION = 2
HEADER = struct.Struct("<8sIIII7fI8x")
HEADER_BYTES = HEADER.size + hashlib.sha256().digest_size
MAX_BITS = 24

_REBUILD = "build it anew or install the package's own model"


@dataclass(frozen=True, slots=True)
class Weights:
    """A whole model. `threshold` is the score at which 0.5 % of the ham it was calibrated on is called spam."""

    feature_version: int
    bits: int
    messages: int
    scale: float
    bias: float
    floor: float
    slope: float
    intercept: float
    threshold: float
    categories: int
    """Bit i: it knows features of category i."""
    share: float
    """How much naive Bayes counts, see csrc/antispam/bayes.h."""
    raw_weights: bytes | memoryview
    version: str = ""
    """12 hexadecimal digits of the checksum: names these very weights. Empty before packing."""


def pack(weights: Weights) -> bytes:
    """The file's bytes; the same weights give the same bytes."""
    header = HEADER.pack(
        MAGIC,
        FORMAT_VERSION,
        weights.feature_version,
        weights.bits,
        weights.messages,
        weights.scale,
        weights.bias,
        weights.floor,
        weights.slope,
        weights.intercept,
        weights.threshold,
        weights.share,
        weights.categories,
    )
    checksum = hashlib.sha256(header)
    checksum.update(weights.raw_weights)
    return b"".join((header, checksum.digest(), weights.raw_weights))


def unpack(content: bytes, feature_version: int, name: str) -> Weights:
    """The model in `content`, checked against its checksum and `feature_version`; `name` is for the error's text."""
    if len(content) < HEADER_BYTES or not content.startswith(MAGIC):
        raise InvalidValue(f"{name} is not a spam model", _REBUILD)
    _, file_format, features, bits, messages, *numbers, categories = HEADER.unpack_from(content)
    if file_format != FORMAT_VERSION:
        raise InvalidValue(f"{name} has format {file_format}, this program reads {FORMAT_VERSION}", _REBUILD)
    if features != feature_version:
        raise InvalidValue(f"{name} was trained on features {features}, this program has {feature_version}", _REBUILD)
    if not 1 <= bits <= MAX_BITS or len(content) != HEADER_BYTES + (2 << bits):
        raise InvalidValue(f"{name} is truncated or padded: {len(content)} bytes for {bits} bits", _REBUILD)
    stored = content[HEADER.size : HEADER_BYTES]
    raw_weights = memoryview(content)[HEADER_BYTES:]
    checksum = hashlib.sha256(content[: HEADER.size])
    checksum.update(raw_weights)
    if checksum.digest() != stored:
        raise InvalidValue(f"{name} is damaged: its checksum does not match", _REBUILD)
    if not all(math.isfinite(number) for number in numbers):
        raise InvalidValue(f"{name} holds numbers that are not finite", _REBUILD)
    scale, bias, floor, slope, intercept, threshold, share = numbers
    return Weights(
        features,
        bits,
        messages,
        scale,
        bias,
        floor,
        slope,
        intercept,
        threshold,
        categories,
        share,
        raw_weights,
        stored.hex()[:12],
    )
