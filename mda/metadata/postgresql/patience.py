"""How long we wait for a server that says nothing: for the backend that hangs, or the machine that has stopped.

PostgreSQL's own limits (statement_timeout) end what is slow; they need a server that runs. `Patience` watches one
connection from a thread of its own and, where a question is still open after its time, shuts the socket: whoever
waits for the answer sees a lost connection and does what it does about one.
"""

import os
import socket
import threading
import time

LOOK_SECONDS = 0.5


class Patience:
    """For one open connection, given by its descriptor; `end` before or after that is closed."""

    def __init__(self, descriptor: int, seconds: float) -> None:
        # A copy: libpq closes its own where it finds the server gone, and the number may then be another's.
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._seconds = seconds
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self._is_over = threading.Event()
        threading.Thread(target=self._watch, name="patience", daemon=True).start()

    def __enter__(self) -> None:
        """Around a question: the server has its time to answer it."""
        with self._lock:
            self._deadline = time.monotonic() + self._seconds

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._deadline = None

    def end(self) -> None:
        with self._lock:
            self._is_over.set()
            self._socket.close()

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            with self._lock:
                if self._deadline is not None and time.monotonic() > self._deadline and not self._is_over.is_set():
                    self._deadline = None
                    self._shut()

    def _shut(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is lost already
