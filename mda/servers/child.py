"""A worker process as the supervisor sees it: started, ready, told to leave, gone."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from enum import Enum

from mda.metrics.region import Region
from mda.servers.assignment import READY, Assignment, InheritedListener, Order, figures_descriptor, to_descriptor
from mda.servers.listeners import Listener
from mda.settings import Settings

KILL_AFTER_SECONDS = 5.0
"""What a worker may take beyond its drain time before it is killed."""


STILL_SECONDS = 60.0
"""After which a worker whose heart has not beaten is killed; it beats once a second, under any load."""


class Stage(Enum):
    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"


class Child:
    """`generation` is that of the settings it was started with, `rank` its own among those; `channel` becomes readable
    when it has something to report or has died."""

    def __init__(
        self, settings: Settings, listeners: Sequence[Listener], composer: str, generation: int, rank: int
    ) -> None:
        self.generation = generation
        self.rank = rank
        self.stage = Stage.STARTING
        self.started_at = time.monotonic()
        self._kill_at = float("inf")
        self._is_killed_still = False
        self._drain_seconds = settings.workers.drain_seconds
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        figures = figures_descriptor()
        try:
            self.region = Region(figures)
            with theirs:
                inherited = tuple(_inherited(one) for one in listeners)
                assignment = Assignment(settings, inherited, theirs.fileno(), composer, figures, rank)
                self._process = _start(assignment)
        finally:
            os.close(figures)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self.started_at

    def exit_status(self) -> int | None:
        """As subprocess has it (negative: the signal), None while it runs."""
        return self._process.poll()

    def hear(self) -> None:
        """Reads the channel; a worker that is ready says so once."""
        try:
            report = self.channel.recv(16)
        except OSError:
            return
        if report == READY and self.stage is Stage.STARTING:
            self.stage = Stage.READY

    def order(self, order: Order) -> None:
        """Tells it to leave. One that has not begun to serve is ended at once."""
        self._kill_at = time.monotonic() + self._drain_seconds + KILL_AFTER_SECONDS
        if self.stage is Stage.STARTING:
            self._process.kill()
        else:
            self._send(order)
        self.stage = Stage.LEAVING

    def kill_if_overdue(self) -> bool:
        is_overdue = time.monotonic() > self._kill_at
        if is_overdue:
            self._process.kill()
        return is_overdue

    def kill_if_still(self) -> bool:
        """One that serves and has not said for long that it is alive: its connections hang, and would for ever."""
        if self._is_killed_still:
            return False
        is_still = self.stage is Stage.READY and 0 < self.region.heartbeat < time.monotonic() - STILL_SECONDS
        if is_still:
            self._is_killed_still = True
            self._process.kill()
        return is_still

    def _send(self, order: Order) -> None:
        try:
            self.channel.send(order.value)
        except OSError:
            # It is dying on its own; its exit will be seen.
            return


def _inherited(listener: Listener) -> InheritedListener:
    return InheritedListener(listener.socket.fileno(), listener.origin, listener.place, listener.device, listener.inode)


def _start(assignment: Assignment) -> subprocess.Popen[bytes]:
    source = to_descriptor(assignment)
    try:
        return subprocess.Popen(
            # -P: the package that we are, whatever lies in the folder in which somebody said `mda serve`.
            [sys.executable, "-P", "-m", "mda.servers.worker", str(source)],
            stdin=subprocess.DEVNULL,
            pass_fds=(source, assignment.channel, assignment.figures, *(one.fd for one in assignment.listeners)),
            # Out of the terminal's group: Ctrl-C is for the supervisor alone.
            process_group=0,
        )
    finally:
        os.close(source)
