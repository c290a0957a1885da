"""The LMTP server on real sockets under uvloop: standard clients, the slow accept, trust, and the drain."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from smtplib import LMTP

import msgspec
import pytest
import uvloop

from mda import logs
from mda.servers.lmtp import trust
from mda.servers.lmtp.server import LmtpServer
from mda.settings import Settings, Workers
from tests.unit.servers.recording import Recorder, envelopes, messages
from tests.unit.servers.wire import settings

PATIENCE_SECONDS = 60


class Served:
    """A server on its own loop in a thread; `call` runs something of it there."""

    def __init__(self, settings: Settings, folder: Path, family: socket.AddressFamily) -> None:
        self.listener = socket.socket(family)
        self.listener.bind(str(folder / "s") if family == socket.AF_UNIX else ("127.0.0.1", 0))
        self.listener.listen(64)
        self.address = self.listener.getsockname()
        self._settings = settings
        self._folder = folder
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._is_up.wait(PATIENCE_SECONDS)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.server = LmtpServer(self._settings, Recorder(self._folder), logs.logger("lmtp"))
        self.server.listen([self.listener])
        self._is_up.set()
        await asyncio.wait_for(self.server.closed(), PATIENCE_SECONDS)

    def call(self, function: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(function)

    def connect(self) -> socket.socket:
        client = socket.socket(self.listener.family)
        client.settimeout(PATIENCE_SECONDS)
        client.connect(self.address)
        return client

    def client(self) -> LMTP:
        host, port = (self.address, 0) if isinstance(self.address, str) else self.address
        return LMTP(host, port, "client.example", timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        with suppress(RuntimeError):  # the loop has closed: the test has drained the server
            self.call(self.server.drain)
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        self.listener.close()


@contextmanager
def served(folder: Path, family: socket.AddressFamily = socket.AF_UNIX, **lmtp: int) -> Iterator[Served]:
    one = Served(settings(folder, **lmtp), folder, family)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_smtplib_delivers(family: socket.AddressFamily, tmp_path: Path) -> None:
    with served(tmp_path, family) as one, one.client() as client:
        client.ehlo()
        assert set(client.esmtp_features) == {
            *("pipelining", "size", "enhancedstatuscodes", "8bitmime", "smtputf8"),
            *(["xforward", "xorcpt"] if family == socket.AF_UNIX else []),
        }
        client.sendmail("a@b.example", ["u@d.example"], b"Subject: x\r\n\r\n.dot\r\n\xff\r\n", ["BODY=8BITMIME"])
        client.sendmail("", ["v@d.example"], b"second")
    assert messages(tmp_path) == (b"Subject: x\r\n\r\n.dot\r\n\xff\r\n", b"second\r\n")
    peers = [envelope["peer"] for envelope in envelopes(tmp_path)]
    assert [isinstance(peer, dict) and peer["is_trusted"] for peer in peers] == 2 * [family == socket.AF_UNIX]


def test_fifty_megabytes(tmp_path: Path) -> None:
    raw = b"Subject: large\r\n\r\n" + (b"." * 76 + b"\r\n") * 640_000
    with served(tmp_path, in_flight_bytes=60_000_000) as one, one.client() as client:
        client.ehlo()
        client.docmd("MAIL FROM:<>")
        client.docmd("RCPT TO:<u@d>")
        assert client.data(raw)[0] == 250
    assert messages(tmp_path) == (raw,)


def test_connections_beyond_the_limit_wait(tmp_path: Path) -> None:
    with served(tmp_path, connections=2 * settings(tmp_path).worker_count) as one:
        first, second, third = (one.connect() for _ in range(3))
        assert first.recv(100) == second.recv(100) == b"220 mx.example LMTP\r\n"
        third.settimeout(0.3)
        with pytest.raises(TimeoutError):
            third.recv(100)
        first.close()
        third.settimeout(PATIENCE_SECONDS)
        assert third.recv(100) == b"220 mx.example LMTP\r\n"
        second.close()
        third.close()


def test_sessions_are_gathered_on_the_worker_of_the_lowest_rank(tmp_path: Path) -> None:
    """Two workers of one listener in one loop: the first has its number before the second gets any."""
    asyncio.run(_gathered(tmp_path))


async def _gathered(folder: Path) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    place = str(folder / "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen(64)
    given = msgspec.structs.replace(settings(folder), workers=Workers(count=2, gather_sessions=3))
    first, second = (LmtpServer(given, Recorder(folder), logs.logger("lmtp"), rank) for rank in range(2))
    servers = (second, first)

    def sessions() -> tuple[int, int]:
        return first.sessions, second.sessions

    async def connect() -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(place)
        await asyncio.sleep(0.1)  # turns that were waited for in vain are over
        return client

    clients = [await connect() for _ in range(6)]
    for server in servers:
        server.listen([listener.dup()])
    await asyncio.sleep(0.1)
    assert sessions() == (3, 3), "of those that wait each has its number"
    for client in clients:
        client.close()
    await asyncio.sleep(0.1)
    clients = [await connect() for _ in range(3)]
    assert sessions() == (3, 0)
    clients += [await connect() for _ in range(2)]
    assert sessions() == (3, 2), "the next one's turn"
    clients[0].close()
    clients += [await connect() for _ in range(2)]
    assert sessions() == (3, 3), "there is room on the first again"
    clients.append(await connect())
    await asyncio.sleep(0.1)
    assert sum(sessions()) == 7, "beyond the number, whoever comes first"
    late = socket.socket(socket.AF_UNIX)
    late.connect(place)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for server in servers:
        server.drain()
    await asyncio.sleep(0.1)
    assert sum(sessions()) <= 7, "a turn that is waited for does not outlive the drain"
    for client in clients:
        client.close()
    await asyncio.gather(*(server.closed() for server in servers))
    assert not failures
    late.close()
    listener.close()


def test_rest_of_the_backlog_is_served(tmp_path: Path) -> None:
    """Before the listener is closed, what waits is taken, beyond the limit too."""
    with served(tmp_path, connections=1) as one:
        waiting = [one.connect() for _ in range(5)]

        def leave() -> None:
            one.server.accept_rest(one.listener)
            one.server.drain()

        one.call(leave)
        for client in waiting:
            client.sendall(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<u@d>\r\nDATA\r\n.\r\n")
            heard = b""
            while chunk := client.recv(4096):
                heard += chunk
            assert heard.endswith(b"421 4.3.2 shutting down, connect again\r\n")
            client.close()
    assert len(messages(tmp_path)) == 5


def test_drain_waits_for_a_fresh_session_only_a_moment(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        fresh = one.connect()
        assert fresh.recv(100).startswith(b"220 ")
        one.call(one.server.drain)
        assert fresh.recv(100) == b"421 4.3.2 shutting down, connect again\r\n"
        assert fresh.recv(100) == b""
        fresh.close()


def test_client_that_does_not_read_its_replies_is_not_read_either(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        client = one.connect()
        client.settimeout(1)
        with pytest.raises(TimeoutError):
            client.sendall(b"HELP\r\n" * 2_000_000)
        client.close()


def test_trust_is_by_user_id() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert trust.is_trusted(ours, trust.trusted_uids(()))
        assert trust.trusted_uids(("root", "no such user")) == {0, os.geteuid()}
        assert not trust.is_trusted(ours, frozenset({os.geteuid() + 1}))


def test_tcp_peers_are_strangers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        assert not trust.is_trusted(client, trust.trusted_uids(()))
