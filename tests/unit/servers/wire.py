"""One connection to the real front and its conversation: bytes in as one likes to cut them, bytes out."""

import array
import asyncio
import fcntl
import socket
import termios
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from mda import logs
from mda.servers.lmtp.switchboard import Switchboard
from mda.settings import Delivery, Lmtp, Settings
from tests.unit.servers.recording import Recorder, messages

HOST = "mx.example"
LOOK_SECONDS = 0.0005


def settings(folder: Path, *, in_flight_bytes: int = 1_000_000, **lmtp: int) -> Settings:
    table = msgspec.convert({"hostname": HOST} | lmtp, Lmtp)
    return Settings(data_dir=str(folder), lmtp=table, delivery=Delivery(in_flight_bytes=in_flight_bytes))


class Peer:
    """A connection of a switchboard's; use inside a running loop. `heard` is what the peer has read."""

    def __init__(
        self, settings: Settings, recorder: Recorder, *, is_trusted: bool = True, board: Switchboard | None = None
    ) -> None:
        self.heard = b""
        self.is_closed = False
        self.gone = 0
        self._is_gone = asyncio.Event()
        self.board = board or Switchboard(settings, recorder, logs.logger("lmtp"), self._note_gone)
        self.socket, other = socket.socketpair()
        self.socket.setblocking(False)
        self.board.connect(other, is_trusted=is_trusted)

    def _note_gone(self) -> None:
        self.gone += 1
        self._is_gone.set()

    async def send(self, raw: bytes) -> None:
        """Gives `raw` to the connection, unless it has closed, and lets it work."""
        while raw and not self.is_closed:
            with suppress(BlockingIOError):
                raw = raw[self._sent(raw) :]
            self._hear()
            await asyncio.sleep(0)
        await self.settle()

    def _sent(self, raw: bytes) -> int:
        try:
            return self.socket.send(raw)
        except BrokenPipeError:
            self.is_closed = True
            return 0

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while chunk := self.socket.recv(65536):
                self.heard += chunk
            self.is_closed = True

    def _unread(self) -> int:
        """What the connection has not read."""
        count = array.array("i", [0])
        fcntl.ioctl(self.socket, termios.TIOCOUTQ, count)
        return count[0]

    async def settle(self) -> None:
        """Until all that was sent is read, acted upon and answered."""
        while self._unread() or not self.board.is_at_rest:
            await asyncio.sleep(LOOK_SECONDS)
            self._hear()
        await asyncio.sleep(0)
        self._hear()

    async def unread_settled(self) -> int:
        """What of the sent the connection has left unread, once it takes no more."""
        while True:
            left = self._unread()
            await asyncio.sleep(0.3)
            if left == self._unread():
                return left

    async def is_forgotten(self) -> None:
        """Until the connection is gone and nothing of it is under way."""
        await self._is_gone.wait()

    def close(self) -> None:
        """Also the switchboard."""
        self.socket.close()
        self.board.close()


T = TypeVar("T")


def with_peer(
    folder: Path, run: Callable[[Peer], Awaitable[T]], *, in_flight_bytes: int = 1_000_000, **lmtp: int
) -> tuple[Peer, T]:
    """A peer of its own switchboard, greeted, and what `run` makes of it; both are closed then."""

    async def within() -> tuple[Peer, T]:
        peer = Peer(settings(folder, in_flight_bytes=in_flight_bytes, **lmtp), Recorder(folder))
        try:
            await peer.settle()
            return peer, await run(peer)
        finally:
            peer.close()

    return asyncio.run(within())


def converse(
    folder: Path, chunks: Sequence[bytes], *, is_trusted: bool = True, **lmtp: int
) -> tuple[bytes, tuple[bytes, ...]]:
    """What a peer hears that sends `chunks`, and the messages that were delivered."""

    async def run() -> bytes:
        peer = Peer(settings(folder, **lmtp), Recorder(folder), is_trusted=is_trusted)
        try:
            await peer.settle()
            for chunk in chunks:
                await peer.send(chunk)
            return peer.heard
        finally:
            peer.close()

    return asyncio.run(run()), messages(folder)
