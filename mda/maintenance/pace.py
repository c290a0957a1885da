"""Goes no faster than the settings say, and steps back where others want the machine, so that deliveries keep it.

Whoever has to wait (for the disk, for PostgreSQL, for a processor) is in somebody's way: after each step this rests for
as long as the step had to wait. So beside deliveries that use the machine up, upkeep works at most half of the time; on
an idle machine steps hardly wait, and only the rate counts.
"""

import time
from collections.abc import Callable

BURST_SECONDS = 0.25
LEAST_REST_SECONDS = 0.01
"""Shorter ones are put together."""

MOST_REST_SECONDS = 2.0
"""After one step, however long it hung."""


class Pace:
    """`spend` sleeps where more was spent than the rate allows, or as long as the steps before it had to wait; what was
    not used for a while does not add up.

    Whoever sleeps of its own accord between two steps, or works at another pace, says `resume`, or that would count as
    waiting."""

    def __init__(
        self,
        bytes_per_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        worked: Callable[[], float] = time.process_time,
        watch: Callable[[int], None] = lambda octets: None,
    ) -> None:
        """`worked` gives the processor's seconds that this process has had; `watch` is told of everything spent."""
        self._watch = watch
        self._rate = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._worked = worked
        self._free_at = self._last = clock()
        self._last_worked = worked()
        self._owed = 0.0

    def resume(self) -> None:
        """The next step begins now."""
        self._last, self._last_worked = self._clock(), self._worked()

    def spend(self, octets: int) -> None:
        self._watch(octets)
        now = self._clock()
        self._owed += min(now - self._last - (self._worked() - self._last_worked), MOST_REST_SECONDS)
        self._free_at = max(self._free_at, now - BURST_SECONDS) + octets / self._rate
        rest = max(self._free_at - now, self._owed if self._owed >= LEAST_REST_SECONDS else 0.0)
        if rest > 0:
            self._sleep(rest)
            self._owed = 0.0
        self.resume()
