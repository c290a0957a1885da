"""What goes wrong between the front and the conversations costs one connection at most, and nothing behind the end."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mda._core import ffi

from mda import logs
from mda.binding import front
from mda.binding.front import Event
from mda.servers.lmtp import switchboard
from mda.servers.lmtp.conversation import Conversation
from mda.servers.lmtp.server import LmtpServer
from mda.servers.lmtp.switchboard import Switchboard
from tests.unit.servers.recording import READING, Recorder, messages
from tests.unit.servers.wire import Peer, settings, with_peer

BEGIN = b"LHLO client.example\r\n"


def board(folder: Path, recorder: Recorder, on_gone: Callable[[], None] = lambda: None) -> Switchboard:
    return Switchboard(settings(folder), recorder, logs.logger("lmtp"), on_gone)


def test_pipelined_quit_behind_more_replies_than_are_sent_at_once(tmp_path: Path) -> None:
    async def run(peer: Peer) -> None:
        await peer.send(BEGIN + b"MAIL FROM:<>\r\n")
        for _ in range(20):
            await peer.send(100 * b"RCPT TO:<known@d>\r\n")
        await peer.send(b"DATA\r\n")
        await peer.send(b"x\r\n.\r\nQUIT\r\n")
        await asyncio.wait_for(peer.is_forgotten(), 30)
        await peer.settle()

    peer, _ = with_peer(tmp_path, run, recipients=2000)
    assert peer.heard.count(b"Saved") == 2000
    assert peer.heard.endswith(b"221 2.0.0 bye\r\n")


def test_what_a_trusted_peer_may_say_is_not_known_to_strangers(tmp_path: Path) -> None:
    line = b"RCPT TO:<held@d> ORCPT=rfc822;other@d\r\n"

    async def run(peer: Peer) -> bytes:
        await peer.send(BEGIN + b"MAIL FROM:<>\r\n" + line + b"RSET\r\n")
        stranger = Peer(settings(tmp_path), Recorder(tmp_path), is_trusted=False, board=peer.board)
        await stranger.send(BEGIN + b"MAIL FROM:<>\r\n" + line + b"DATA\r\nNOOP\r\n")
        return stranger.heard

    _, heard = with_peer(tmp_path, run)
    assert b"\r\n555 5.5.4 " in heard
    assert b"\r\n354 " not in heard


def test_nothing_changes_behind_an_answer(tmp_path: Path) -> None:
    """A lane's thread may have answered and not gone on, when the event loop has the next lines in hand already."""
    answers: list[tuple[bytes, dict[str, str]]] = []

    def state() -> dict[str, str]:
        return {name: repr(value) for name, value in vars(conversation).items()}

    async def made() -> Conversation:
        one = board(tmp_path, Recorder(tmp_path))
        one.close()
        return Conversation(one._service, 1, is_trusted=True, answer=lambda raw: answers.append((raw, state())))

    conversation = asyncio.run(made())
    conversation.take(_lines(b"LHLO x"), is_leaving=False)
    conversation.take(_lines(b"MAIL FROM:<>", b"RCPT TO:<known@d>", b"DATA "), is_leaving=False)
    said = b"250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n" + START
    assert answers[1] == (front.packed(1, said, front.OPEN, 1, front.COLLECTS), state())


START = b"354 end data with <CR><LF>.<CR><LF>\r\n"


def _lines(*lines: bytes) -> Event:
    entries = b"".join(b"N" + len(line).to_bytes(4, "little") + line for line in lines)
    return Event(1, front.LINES, front.KEPT, 0, b"", is_introduced=False, lines=entries, length=0, raw=None, found=None)


def test_nothing_happens_behind_the_end(tmp_path: Path) -> None:
    """The directory is still listened to when the server has closed, and orders may still come."""

    async def run() -> None:
        recorder = Recorder(tmp_path)
        server = LmtpServer(settings(tmp_path), recorder, logs.logger("lmtp"))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        server.listen([listener])
        server.drain()
        await server.closed()
        server.close()
        recorder.forget()
        recorder.trust(time.monotonic())
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(str(tmp_path / "s"))
        server.accept_rest(listener)
        assert peer.recv(100) == b""
        server.close()
        peer.close()

    asyncio.run(run())


def test_event_that_finds_no_memory_ends_its_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, failed = front._event, list[bool]()

    def once(found: object, versions: dict[int, str]) -> Event:
        event = made(found, versions)
        if event.kind == front.MESSAGE and not failed:
            failed.append(True)
            raise MemoryError
        return event

    monkeypatch.setattr(front, "_event", once)

    async def run(peer: Peer) -> bytes:
        other = Peer(settings(tmp_path), Recorder(tmp_path), board=peer.board)
        for one in (peer, other):
            await one.send(BEGIN + b"MAIL FROM:<>\r\nRCPT TO:<known@d>\r\nDATA\r\n")
            await one.send(b"x\r\n.\r\n")
        await asyncio.wait_for(peer.is_forgotten(), 30)
        return other.heard

    peer, other = with_peer(tmp_path, run)
    assert peer.heard.endswith(START)
    assert b"250 2.0.0 Saved" in other
    assert len(messages(tmp_path)) == 1


def test_failure_takes_no_other_event_along(tmp_path: Path) -> None:
    """Whoever is told of a connection that has gone fails, as add_reader does without memory."""

    def fail() -> None:
        raise OSError("no memory for a reader")

    async def run() -> bytes:
        recorder = Recorder(tmp_path)
        made = board(tmp_path, recorder, fail)
        first, second = (Peer(settings(tmp_path), recorder, board=made) for _ in range(2))
        await asyncio.gather(first.settle(), second.settle())
        first.socket.close()
        time.sleep(0.05)  # noqa: ASYNC251 - the loop is busy, so that both come together
        second.socket.send(b"LHLO x\r\n")
        time.sleep(0.05)  # noqa: ASYNC251
        await second.settle()
        made.close()
        return second.heard

    assert asyncio.run(run()).endswith(b"250 XORCPT\r\n")


def test_front_that_does_not_come_back_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it reads a message for ever; what is only slow is not taken for that."""
    transaction = b"MAIL FROM:<>\r\nRCPT TO:<held@d>\r\nDATA\r\nx\r\n.\r\n"
    is_reading, may_go_on = threading.Event(), threading.Event()

    def read(*_: object) -> Any:
        is_reading.set()
        may_go_on.wait(60)
        return ffi.NULL

    async def run(peer: Peer) -> list[bool]:
        await peer.send(BEGIN + transaction)
        peer.socket.send(b"MAIL FROM:<>\r\nRCPT TO:<slow@d>\r\nDATA\r\nx\r\n.\r\n")
        other = Peer(settings(tmp_path), Recorder(tmp_path), board=peer.board)
        seen = [peer.board.is_stuck]
        other.socket.send(BEGIN + transaction)
        assert await asyncio.to_thread(is_reading.wait, 60)
        seen.append(peer.board.is_stuck)
        monkeypatch.setattr(switchboard, "STUCK_SECONDS", 0.0)
        seen.append(peer.board.is_stuck)
        may_go_on.set()
        await other.settle()
        monkeypatch.setattr(switchboard, "STUCK_SECONDS", 1.0)
        seen.append(peer.board.is_stuck)
        other.socket.close()
        return seen

    held = ffi.callback(READING, read)
    monkeypatch.setattr(front, "_READ", held)
    peer, seen = with_peer(tmp_path, run)
    assert seen == [False, False, True, False]
    assert not peer.board.is_stuck, "nothing is asked of a front that has ended"
