"""Commit records that wait for an append of the writer's. Noted by the committer's thread, taken by the writer's."""

import threading
import time
from collections import deque
from collections.abc import Sequence

from mda.storage.commits import CommitRecord

MAX_PENDING = 65_536
"""Entries. Appends take all that wait, many times a second: this many wait only while a shard refuses writes, then the
oldest are dropped and counted. What that costs: after a rebuild from segments alone those mails come back without
their UID."""


class PendingCommits:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[CommitRecord] = deque(maxlen=MAX_PENDING)
        self._since: float | None = None
        self.dropped = 0

    def note(self, commits: Sequence[CommitRecord]) -> None:
        with self._lock:
            if commits and self._since is None:
                self._since = time.monotonic()
            self.dropped += max(0, len(self._waiting) + len(commits) - MAX_PENDING)
            self._waiting.extend(commits)

    def take(self, after_seconds: float = 0.0) -> tuple[CommitRecord, ...]:
        """All that wait, if the first has waited for so long; else nothing."""
        with self._lock:
            if not self._has_waited(after_seconds, time.monotonic()):
                return ()
            taken = tuple(self._waiting)
            self._waiting.clear()
            self._since = None
            return taken

    def put_back(self, taken: Sequence[CommitRecord]) -> None:
        """What could not be written waits again, in front of what came since."""
        if taken:
            since = self.take()
            self.note((*taken, *since))

    def waits_longer_than(self, seconds: float, now: float) -> bool:
        with self._lock:
            return self._has_waited(seconds, now)

    def _has_waited(self, seconds: float, now: float) -> bool:
        return self._since is not None and now - self._since >= seconds
