"""A worker as it must not be: rows are committed while the bodies are still on their way to the segment.

    python -m tests.crash.early_rows SETTINGS     serves with such workers

The crash runs must find it out: it shows that they would notice a program without "body before row".
"""

import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from mda import settings
from mda.delivery import compose as composition
from mda.delivery.service import DeliveryService
from mda.servers.supervisor import serve
from mda.settings import Settings
from mda.storage.encode import EncodedRecord
from mda.storage.location import Location
from mda.storage.segment import OpenSegment
from mda.storage.syscalls import Syscalls, write_whole

LATE_SECONDS = 0.3


@asynccontextmanager
async def compose(given: Settings) -> AsyncIterator[DeliveryService]:
    OpenSegment.append = _append_late  # type: ignore[method-assign]
    async with composition.compose(given) as service:
        yield service


def _append_late(self: OpenSegment, records: Sequence[EncodedRecord]) -> tuple[Location, ...]:
    """The places at once, the bytes later."""
    start, locations = self.good_length, []
    for record in records:
        locations.append(Location(self.segment, self.good_length, record.length))
        self.good_length += record.length
    buffers = [part for record in records for part in (record.head, record.body)]
    threading.Thread(target=_write, args=(self._fd, buffers, start), daemon=True).start()
    return tuple(locations)


def _write(fd: int, buffers: list[bytes], start: int) -> None:
    time.sleep(LATE_SECONDS)
    write_whole(Syscalls(), fd, buffers, start)


def main() -> int:
    file = Path(sys.argv[1])
    return serve(lambda: settings.load(file, {}), composer="tests.crash.early_rows:compose")


if __name__ == "__main__":
    sys.exit(main())
