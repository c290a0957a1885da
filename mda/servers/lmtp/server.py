"""The LMTP server of one worker: it accepts, counts and drains connections.

    listen(sockets)     begin to accept; at the limit of connections it stops to, and they wait in the backlog
    accept_rest(socket) take what is left in a listener's backlog, then close it: nobody else will
    drain()             accept no more, close idle sessions, let open transactions finish
    closed()            wait until the last connection has gone
    look()              every second: whether its connections are served at all

Connections are never refused and never greeted with 421: Postfix would suspend the whole destination for minutes.

The workers of one service listen to the same sockets. Sessions are gathered (workers.gather_sessions), as a worker's
batches are of its own sessions: each waits for its turn before it accepts, the lower its rank the shorter, and longest
when it has its number (docs/decisions/0020-sessions-are-gathered.md).
"""

import asyncio
import socket
from collections.abc import Sequence

from mda.logs import Logger
from mda.metrics import recorder
from mda.metrics.families import CONNECTIONS, CONNECTIONS_TAKEN, HELD_BYTES
from mda.servers.lmtp.deliverer import Deliverer
from mda.servers.lmtp.switchboard import Switchboard
from mda.servers.lmtp.trust import is_trusted, trusted_uids
from mda.settings import Settings

TURN_SECONDS = 0.005
"""By which a worker lets the one of the next lower rank go first. One whose event loop takes longer is busy enough."""

PORTION = 4
"""What a worker that has its number takes of those that wait, when it is its turn."""

ACCEPT_RETRY_SECONDS = 0.5
"""Pause after accept() failed for want of file descriptors or memory."""


class LmtpServer:
    """Made and used in a running event loop."""

    def __init__(self, settings: Settings, deliverer: Deliverer, log: Logger, rank: int = 0) -> None:
        """`rank` from 0 among the workers of the same listeners."""
        self._board = Switchboard(settings, deliverer, log, self._connection_gone)
        self._rank = rank
        self._workers = settings.worker_count
        self._gathers = settings.workers.gather_sessions
        self._uids = trusted_uids(settings.lmtp.trusted_users)
        # The limit is the whole server's; each worker takes its share.
        self._limit = -(-settings.lmtp.connections // settings.worker_count)
        self._log = log
        self._listeners: tuple[socket.socket, ...] = ()
        self._turns: dict[socket.socket, asyncio.TimerHandle] = {}
        self._is_accepting = self._is_draining = self._is_stuck = False
        self._all_gone = asyncio.Event()

    def listen(self, listeners: Sequence[socket.socket]) -> None:
        self._listeners = tuple(listeners)
        for listener in self._listeners:
            listener.setblocking(False)
        self._resume_accepting()

    def accept_rest(self, listener: socket.socket) -> None:
        """Beyond the limit of connections, too: the socket is about to go."""
        was_accepting = self._is_accepting
        self._stop_accepting()
        while connection := self._accept(listener):
            self._admit(connection)
        listener.close()
        self._listeners = tuple(one for one in self._listeners if one is not listener)
        if was_accepting:
            self._resume_accepting()

    def drain(self) -> None:
        self._stop_accepting()
        if not self._is_draining:
            self._is_draining = True
            self._board.leave()
        self._note_if_gone()

    async def closed(self) -> None:
        await self._all_gone.wait()

    def abort(self) -> int:
        """Cuts what is left; how many connections that was."""
        self._board.abort()
        return self._board.connections

    def close(self) -> None:
        """When all is over: nothing is served any more."""
        self._stop_accepting()
        self._board.close()

    def look(self) -> bool:
        """Whether its connections are served. Where they hang no more are accepted: there are other workers."""
        was_stuck, self._is_stuck = self._is_stuck, self._board.is_stuck
        if self._is_stuck and not was_stuck:
            self._log.error("LMTP's thread does not come back: no connection is served")
            self._stop_accepting()
        elif was_stuck:
            self._resume_accepting()
        return not self._is_stuck

    def figures(self) -> None:
        recorder.put(CONNECTIONS, self.sessions)
        recorder.put(HELD_BYTES, self._board.held)

    # Accepting.

    @property
    def sessions(self) -> int:
        """That are open."""
        return self._board.connections

    def _resume_accepting(self) -> None:
        if self._is_accepting or self._is_draining or self._is_stuck or self.sessions >= self._limit:
            return
        self._is_accepting = True
        for listener in self._listeners:
            self._watch(listener)

    def _stop_accepting(self) -> None:
        if self._is_accepting:
            self._is_accepting = False
            for listener in self._listeners:
                asyncio.get_running_loop().remove_reader(listener.fileno())
            for turn in self._turns.values():
                turn.cancel()
            self._turns.clear()

    def _watch(self, listener: socket.socket) -> None:
        asyncio.get_running_loop().add_reader(listener.fileno(), self._knocked, listener)

    def _knocked(self, listener: socket.socket) -> None:
        """Somebody wants to connect: we accept when it is our turn, if nobody has until then."""
        turn = self._turn()
        if not turn:
            self._accept_some(listener)
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener.fileno())
        self._turns[listener] = loop.call_later(turn * TURN_SECONDS, self._accept_in_turn, listener)

    def _turn(self) -> int:
        if not self._gathers:
            return 0
        return self._rank if self.sessions < self._gathers else self._workers

    def _share(self) -> int:
        if not self._gathers:
            return 1
        return max(self._gathers - self.sessions, 0) or PORTION

    def _accept_in_turn(self, listener: socket.socket) -> None:
        del self._turns[listener]
        self._watch(listener)
        self._accept_some(listener)

    def _accept_some(self, listener: socket.socket) -> None:
        """What waits, but no more than our share: the other workers, which wake up too, get the next."""
        for _ in range(self._share()):
            connection = self._accept(listener)
            if connection is None:
                break
            self._admit(connection)
            if self.sessions >= self._limit:
                break
        if self.sessions >= self._limit:
            self._stop_accepting()

    def _accept(self, listener: socket.socket) -> socket.socket | None:
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return None
        except OSError as error:
            self._log.error("accept failed", error=str(error))
            self._stop_accepting()
            asyncio.get_running_loop().call_later(ACCEPT_RETRY_SECONDS, self._resume_accepting)
            return None
        return connection

    def _admit(self, connection: socket.socket) -> None:
        recorder.add(CONNECTIONS_TAKEN)
        try:
            self._board.connect(connection, is_trusted=is_trusted(connection, self._uids))
        except (OSError, MemoryError) as error:
            connection.close()
            self._log.error("connection lost while it was accepted", error=str(error))

    def _connection_gone(self) -> None:
        self._resume_accepting()
        self._note_if_gone()

    def _note_if_gone(self) -> None:
        if self._is_draining and not self._board.connections:
            self._all_gone.set()
