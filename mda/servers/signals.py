"""Signals as a socket that becomes readable: nothing of ours runs inside a signal handler."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
ENDING = (signal.SIGTERM, signal.SIGINT)


class SignalSocket:
    """From its making on the process's HEARD signals only show here."""

    def __init__(self) -> None:
        self.readable, self._writable = socket.socketpair()
        self.readable.setblocking(False)
        self._writable.setblocking(False)
        signal.set_wakeup_fd(self._writable.fileno(), warn_on_full_buffer=False)
        for one in HEARD:
            signal.signal(one, _do_nothing)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """While this lasts, and nobody looks at the socket, those that mean the end raise SystemExit with status 0."""
        for one in ENDING:
            signal.signal(one, _end)
        try:
            yield
        finally:
            for one in ENDING:
                signal.signal(one, _do_nothing)

    def take(self) -> frozenset[int]:
        """The numbers of the signals that have come since the last call."""
        try:
            return frozenset(self.readable.recv(4096))
        except BlockingIOError:
            return frozenset()


def _end(_number: int, _frame: object) -> None:
    raise SystemExit(0)


def _do_nothing(_number: int, _frame: object) -> None:
    """A handler must be set for the wakeup descriptor to be written to."""
