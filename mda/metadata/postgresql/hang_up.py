"""An engine's connections, to be broken off at the end of a process: whoever still waits for a server that says nothing
sees a lost connection (`DatabaseUnavailable`), and a thread of ours ends instead of holding up the others."""

import os
import socket
import threading
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import psycopg2
from sqlalchemy import Engine, event


class Calls:
    """Those that the engine opens from now on."""

    def __init__(self, engine: Engine) -> None:
        self._open: WeakSet[psycopg2.extensions.connection] = WeakSet()
        self._lock = threading.Lock()
        event.listen(engine, "connect", self._note)

    def hang_up(self) -> None:
        """For all connections that are open, from whatever thread."""
        with self._lock:
            found = tuple(self._open)
        for connection in found:
            with suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    def _note(self, connection: psycopg2.extensions.connection, _record: Any) -> None:
        with self._lock:
            self._open.add(connection)
