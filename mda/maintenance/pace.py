"""Reads no faster than the settings say, so that deliveries keep the disk."""

import time
from collections.abc import Callable

BURST_SECONDS = 0.25


class Pace:
    """`spend` sleeps where more was spent than the rate allows; what was not used for a while does not add up."""

    def __init__(
        self,
        bytes_per_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()

    def spend(self, octets: int) -> None:
        now = self._clock()
        self._free_at = max(self._free_at, now - BURST_SECONDS) + octets / self._rate
        if self._free_at > now:
            self._sleep(self._free_at - now)
