"""64-bit, positive, time-ordered identifiers, made by the application without any coordination.

Layout, most significant bit first: 1 bit zero, 41 bits milliseconds since 2020-01-01 UTC (until 2089), 22 bits
counter that starts at random in each millisecond. Two processes collide only when they draw the same 22 bits in the
same millisecond, and where that matters a primary key refuses the second (account_id, id); segments are created
with O_EXCL. Within one process ids strictly increase, also when the clock steps back. A clock that is before 2020 (a
machine without a battery, before NTP) gives ids of 2020's first millisecond: still positive, still unique.
"""

import os
import random
import threading
import time
from datetime import UTC, datetime

EPOCH_MS = 1_577_836_800_000
"""2020-01-01T00:00:00Z in Unix milliseconds."""

COUNTER_BITS = 22

_random = random.Random()  # noqa: S311 - to part rivals, not to be secret; from the kernel each would cost a system call
os.register_at_fork(after_in_child=_random.seed)


class IdentifierSource:
    """Makes identifiers; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        milliseconds = max(0, time.time_ns() // 1_000_000 - EPOCH_MS)
        candidate = (milliseconds << COUNTER_BITS) | _random.getrandbits(COUNTER_BITS)
        with self._lock:
            self._last = max(candidate, self._last + 1)
            return self._last


def created_at(identifier: int) -> datetime:
    """The time in an identifier, to the millisecond, UTC."""
    return datetime.fromtimestamp(((identifier >> COUNTER_BITS) + EPOCH_MS) / 1000, UTC)


def format_id(identifier: int) -> str:
    """The form that logs, replies and commands show: 16 hexadecimal digits."""
    return f"{identifier:016x}"


def parse_id(text: str) -> int:
    """The inverse of `format_id`; ValueError for anything that is not 1 to 16 hexadecimal digits."""
    if not 1 <= len(text) <= 16 or not all(c in "0123456789abcdefABCDEF" for c in text):
        raise ValueError(f"not a message id: {text!r}")
    return int(text, 16)


def message_id_hash(message_id: str) -> int:
    """How rows know a Message-ID (RFC 5322 s3.6.4, without its angle brackets): the first 64 bits of its SHA-256,
    signed. Anyone can send any Message-ID: it finds mail, and never decides about mail."""
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, and whoever writes an id down hashes nothing

    digest = hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
