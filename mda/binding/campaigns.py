"""Counting near copies in a file that all workers share (csrc/antispam/campaign.h)."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mda._core import ffi as _ffi
from mda._core import lib as _lib

BANDS: int = _lib.SPAM_BANDS
BITS = 20
"""2^20 cells of 16 octets; only those in use take room on the disk."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """The run of near copies that a message belongs to. `count` is of the last hours, this message included."""

    id: int
    count: int


class CampaignTable:
    """The shared table; threads and processes may use it at once. The file is read by offset: whatever becomes of it
    costs accuracy alone."""

    def __init__(self, path: Path, bits: int = BITS) -> None:
        """OSError where the file can neither be opened nor made."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._bits = bits

    def meet(self, bands: Sequence[int], now: float | None = None) -> Campaign | None:
        """Counts a message; None for one that has no bands."""
        if not any(bands):
            return None
        minutes = int((time.time() if now is None else now) // 60)
        out = _ffi.new("spam_campaign *")
        _lib.spam_campaign_meet(self._fd, self._bits, minutes, _ffi.new("uint64_t[]", list(bands)), out)
        return Campaign(int(out.id), round(out.count))

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
