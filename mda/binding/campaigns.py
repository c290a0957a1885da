"""Counting near copies in a file that all workers share, and what the count says (csrc/antispam/campaign.h)."""

import os
import time
from array import array
from pathlib import Path
from typing import Any

import msgspec

from mda._core import ffi as _ffi
from mda._core import lib as _lib

BITS = 20
"""2^20 cells of 16 octets; only those in use take room on the disk."""


class Campaign(msgspec.Struct, frozen=True, array_like=True):
    """The run of near copies that a message belongs to. `count` is of the last hours, this message included."""

    id: int
    count: int


class CampaignTable:
    """The shared table; threads and processes may use it at once. The file is read by offset: whatever becomes of it
    costs accuracy alone. `mda.binding.examine` counts a message in it."""

    def __init__(self, path: Path, bits: int = BITS) -> None:
        """OSError where the file can neither be opened nor made."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._bits = bits
        self._at = self._made(0)
        """The table of the last minute that was asked for."""

    @property
    def descriptor(self) -> int:
        return self._fd

    @property
    def bits(self) -> int:
        """How many cells it has, as a power of two."""
        return self._bits

    def at(self, now: float | None = None) -> Any:
        """The spam_campaign_table as it is at a time (of the clock where none is given), in seconds."""
        minutes = int((time.time() if now is None else now) // 60)
        fd, of_minutes, table = self._at
        if of_minutes != minutes or fd != self._fd:
            self._at = made = self._made(minutes)
            table = made[2]
        return table

    def _made(self, minutes: int) -> tuple[int, int, Any]:
        return self._fd, minutes, _ffi.new("spam_campaign_table *", (self._fd, self._bits, minutes))

    def meet(self, ids: bytes, now: float | None = None) -> Campaign | None:
        """Counts a message of these features; None for one that is of no campaign."""
        bands = _ffi.new("uint64_t[]", _lib.SPAM_BANDS)
        out = _ffi.new("spam_campaign *")
        _lib.spam_bands_take(_ffi.from_buffer("uint32_t[]", ids), len(ids) // 4, bands)
        _lib.spam_campaign_meet(self.at(now), bands, out)
        return campaign_of(out.id, out.count)

    def withdraw(self, bands: bytes, now: float | None = None) -> None:
        """Takes back the counting of a message with these bands (`SpamScore.bands`)."""
        _lib.spam_campaign_withdraw(self.at(now), _ffi.from_buffer("uint64_t[]", bands))

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def campaign_of(number: int, count: int) -> Campaign | None:
    """Of what the C core says; it says 0 where a message is of none."""
    return Campaign(int(number), int(count)) if number else None


def campaign_features(copies: int) -> bytes:
    """The ids of the features of a campaign's message that is the `copies`-th, as `features` gives them."""
    hashes = _ffi.new("uint32_t[]", _lib.SPAM_CAMPAIGN_FEATURES)
    reached = _lib.spam_campaign_hashes(copies, hashes)
    return array("I", [_lib.SPAM_CAMPAIGN << 28 | one >> 4 for one in hashes[0:reached]]).tobytes()
