"""A worker's heartbeat: that it serves, and what it uses, once a second."""

import asyncio
import os
import resource
import time
from collections.abc import Callable

from mda.metrics import recorder
from mda.metrics.families import CPU_SECONDS, RESIDENT_BYTES

BEAT_SECONDS = 1.0


async def beat(figures: Callable[[], None], is_alive: Callable[[], bool]) -> None:
    """Until it is cancelled, while `is_alive`: who stands still is replaced. `figures` sets the gauges of whoever has
    some."""
    page, statm = os.sysconf("SC_PAGE_SIZE"), os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    while True:
        if is_alive():
            recorder.region().beat(time.monotonic())
        used = resource.getrusage(resource.RUSAGE_SELF)
        recorder.put(CPU_SECONDS, used.ru_utime + used.ru_stime)
        recorder.put(RESIDENT_BYTES, int(os.pread(statm, 200, 0).split()[1]) * page)
        figures()
        await asyncio.sleep(BEAT_SECONDS)
