"""One connection of the real LMTP protocol without a socket: bytes in as one likes to cut them, bytes out."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mda import logs
from mda.servers.lmtp.protocol import LmtpConnection, Service
from mda.servers.lmtp.server import service as make_service
from mda.settings import Delivery, Lmtp, Settings
from tests.unit.servers.recording import Recorder, messages

HOST = "mx.example"


def settings(folder: Path, *, in_flight_bytes: int = 1_000_000, **lmtp: int) -> Settings:
    table = msgspec.convert({"hostname": HOST} | lmtp, Lmtp)
    return Settings(data_dir=str(folder), lmtp=table, delivery=Delivery(in_flight_bytes=in_flight_bytes))


class Wire(asyncio.Transport):
    """The transport's side of a connection; `heard` is what the peer would read."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = b""
        self.closed = asyncio.Event()
        self.is_paused = False

    @property
    def is_closed(self) -> bool:
        return self.closed.is_set()

    def write(self, raw: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed, "written after close"
        self.heard += bytes(raw)

    def close(self) -> None:
        self.closed.set()

    def abort(self) -> None:
        self.closed.set()

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


class Peer:
    """A connection and the wire to it; use inside a running loop."""

    def __init__(
        self, settings: Settings, recorder: Recorder, *, is_trusted: bool = True, service: Service | None = None
    ) -> None:
        self.wire = Wire()
        self.closed = 0
        self.service = service or make_service(settings, recorder, logs.logger("lmtp"))
        self.connection = LmtpConnection(self.service, is_trusted=is_trusted, on_closed=self._note_closed)
        self.connection.connection_made(self.wire)

    def _note_closed(self, _connection: LmtpConnection) -> None:
        self.closed += 1

    async def send(self, raw: bytes) -> None:
        """Gives `raw` to the connection, unless it has closed, and lets it work."""
        if not self.wire.is_closed:
            self.connection.data_received(raw)
        await self.settle()

    async def settle(self) -> None:
        while True:
            await asyncio.sleep(0)
            if not self.connection.is_working:
                return


def converse(
    folder: Path, chunks: Sequence[bytes], *, is_trusted: bool = True, **lmtp: int
) -> tuple[bytes, tuple[bytes, ...]]:
    """What a peer hears that sends `chunks`, and the messages that were delivered."""

    async def run() -> bytes:
        peer = Peer(settings(folder, **lmtp), Recorder(folder), is_trusted=is_trusted)
        for chunk in chunks:
            await peer.send(chunk)
        return peer.wire.heard

    return asyncio.run(run()), messages(folder)
