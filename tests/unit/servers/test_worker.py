"""A worker's end, by order and as an orphan: the worker itself in this process, on a real socket."""

import asyncio
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from mda.servers import worker
from mda.servers.assignment import READY, Assignment, InheritedListener, Order, from_descriptor, to_descriptor
from mda.servers.listeners import Listener, Origin, open_listeners
from mda.servers.worker import Worker
from mda.settings import Lmtp, Settings
from tests.unit.servers.recording import compose, messages

MESSAGE = b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<u@d>\r\nDATA\r\n.\r\n"
LEAVING = b"421 4.3.2 shutting down, connect again\r\n"


class Bench:
    """A listener with a client in its backlog, and the supervisor's end of a worker's channel."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=str(folder), lmtp=Lmtp(hostname="mx.example"))
        (self.listener,) = open_listeners(self.settings)
        self.channel, self._theirs = socket.socketpair()
        self.client = self.connect()
        self.client.sendall(MESSAGE)

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(60)
        client.connect(self.listener.place)
        return client

    def run(self, origin: Origin = Origin.UNIX) -> None:
        """The worker in this thread, until it ends by itself."""
        one = self.listener
        inherited = InheritedListener(one.socket.dup().detach(), origin, one.place, one.device, one.inode)
        assignment = Assignment(self.settings, (inherited,), self._theirs.detach(), "unused:here")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(Worker(assignment).run(compose), 60))

    def heard(self) -> bytes:
        heard = b""
        while chunk := self.client.recv(4096):
            heard += chunk
        return heard


@pytest.fixture
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="mda") as folder:
        made = Bench(Path(folder))
        yield made
        made.client.close()
        made.channel.close()
        made.listener.retire()


def test_assignment_survives_its_way(bench: Bench) -> None:
    listener = InheritedListener(7, Origin.TCP, "127.0.0.1:24", 1, 2)
    assignment = Assignment(bench.settings, (listener,), 9, "a:b")
    assert from_descriptor(to_descriptor(assignment)) == assignment


def test_finish_takes_what_waits(bench: Bench) -> None:
    bench.channel.send(Order.FINISH.value)
    bench.run()
    assert bench.channel.recv(16) == READY
    assert bench.heard().endswith(LEAVING)
    assert len(messages(Path(bench.settings.data_dir) / "mail")) == 1


@pytest.mark.parametrize("order", Order)
def test_what_systemd_holds_is_left_to_the_next(order: Order, bench: Bench) -> None:
    bench.channel.send(order.value)
    bench.run(Origin.PASSED)
    bench.listener.socket.settimeout(60)
    with bench.listener.socket.accept()[0] as waiting:
        assert waiting.recv(100) == MESSAGE
    assert messages(Path(bench.settings.data_dir) / "mail") == ()


def test_orphan_gives_up_after_a_while(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "ORPHAN_SECONDS", 0.3)
    monkeypatch.setattr(worker, "ORPHAN_LOOK_SECONDS", 0.1)
    bench.channel.close()
    bench.run()
    assert b"250 2.0.0 Saved" in bench.heard()


def test_orphan_leaves_when_its_path_leads_elsewhere(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "ORPHAN_LOOK_SECONDS", 0.1)
    replaced: tuple[Listener, ...] = open_listeners(bench.settings)
    bench.channel.close()
    bench.run()
    assert b"250 2.0.0 Saved" in bench.heard()
    for one in replaced:
        one.retire()
