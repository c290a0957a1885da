"""One user's part of the verdict, as it is kept: a row of some kilobytes that a delivery reads with the address.

It holds the correction that the user's marks make (csrc/antispam/personal.h) and whom the user has written to: 8
bytes an address, hashed with the account's id, so that the row tells nobody who they are.

    layout, in the machine's order: format, feature version, count, correspondents (32 bits each), scale (float32),
    ids (32 bits each), weights (8 bits each), tags (8 bytes each, rising)

`unpack` gives None for what it can't use (another format, feature version or machine): the user's part is then
silent, and is made again with the next mark.
"""

import hashlib
import struct
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mda.binding import FEATURE_VERSION, LearnedMark, PersonalWeights, learn_marks

FORMAT = 1
MOST_MARKS_USED = 500
"""Weights are made of the newest marks: what a user thought of mail years ago says little of today's."""
MOST_CORRESPONDENTS = 500
"""The latest ones."""
TAG_BYTES = 8

_HEADER = struct.Struct("=4If")


@dataclass(frozen=True, slots=True)
class Personal:
    """What is known of one user. `tags` are of the correspondents, one after the other, rising."""

    weights: PersonalWeights
    tags: bytes = b""

    def knows(self, account_id: int, address: str) -> bool:
        """Has the user written to this address?"""
        wanted = tag(account_id, address)
        count = len(self.tags) // TAG_BYTES
        place = bisect_left(range(count), wanted, key=lambda index: self.tags[index * TAG_BYTES :][:TAG_BYTES])
        return place < count and self.tags[place * TAG_BYTES :][:TAG_BYTES] == wanted


def learn(account_id: int, marks: Sequence[LearnedMark], correspondents: Iterable[str]) -> Personal:
    """The user's part: the same marks and correspondents give the same bytes."""
    tags = sorted({tag(account_id, address) for address in correspondents})
    return Personal(learn_marks(marks), b"".join(tags))


def tag(account_id: int, address: str) -> bytes:
    """How a row knows a correspondent; `address` as `str` of an `Address.key` gives it."""
    keyed = hashlib.blake2b(address.encode("utf-8", "surrogatepass"), digest_size=TAG_BYTES, key=b"%d" % account_id)
    return keyed.digest()


def pack(personal: Personal) -> bytes:
    weights = personal.weights
    header = _HEADER.pack(
        FORMAT, FEATURE_VERSION, len(weights.raw_weights), len(personal.tags) // TAG_BYTES, weights.scale
    )
    return header + weights.raw_ids + weights.raw_weights + personal.tags


def unpack(raw: bytes) -> Personal | None:
    """None where it says nothing to this program."""
    if len(raw) < _HEADER.size:
        return None
    kind, feature_version, count, correspondents, scale = _HEADER.unpack_from(raw)
    if kind != FORMAT or len(raw) != _HEADER.size + 5 * count + TAG_BYTES * correspondents:
        return None
    ids, weights = _HEADER.size + 4 * count, _HEADER.size + 5 * count
    if feature_version != FEATURE_VERSION:
        return Personal(PersonalWeights(1.0, b"", b""), raw[weights:])
    return Personal(PersonalWeights(scale, raw[_HEADER.size : ids], raw[ids:weights]), raw[weights:])
