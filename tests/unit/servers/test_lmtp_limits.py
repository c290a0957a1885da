"""What bounds a session: recipients, lines, errors, time, what waits, and a peer that goes away."""

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from mda.servers.lmtp import conversation
from tests.unit.servers import recording
from tests.unit.servers.recording import Recorder, messages
from tests.unit.servers.wire import Peer, converse, settings, with_peer

BEGIN = b"LHLO client.example\r\nMAIL FROM:<a@b.example>\r\n"
RCPT = b"RCPT TO:<u@d.example>\r\n"


def test_recipients(tmp_path: Path) -> None:
    """Refused recipients do not count, pipelined or not; those beyond are deferred, for Postfix to send again."""
    said = BEGIN + b"RCPT TO:<unknown@d>\r\n" + 4 * RCPT + b"DATA\r\n.\r\n"
    heard, delivered = converse(tmp_path, [said], recipients=3)
    assert heard.count(b"250 2.1.5") == 3
    assert heard.count(b"452 4.5.3 too many recipients in one transaction\r\n354 ") == 1
    assert heard.count(b"250 2.0.0 Saved") == 3
    assert len(delivered) == 1


@pytest.mark.parametrize("cut", [1, 7, 100, 1000])
def test_long_line_is_swallowed(cut: int, tmp_path: Path) -> None:
    longest = b"NOOP " + b"x" * 95
    said = b"".join((longest, b"\r\n", longest, b"y\r\n", b"NOOP " + b"z" * 5000, b"\r\n", b"RSET\r\n"))
    heard, _ = converse(tmp_path, [said[at : at + cut] for at in range(0, len(said), cut)], command_bytes=100)
    replies = [line[:9] for line in heard.split(b"\r\n")[1:]]
    assert replies == [b"250 2.0.0", b"500 5.5.2", b"500 5.5.2", b"250 2.0.0", b""]


def test_errors_end_the_session(tmp_path: Path) -> None:
    heard, _ = converse(tmp_path, [BEGIN, b"RCPT TO:<unknown@d>\r\n" * 5, b"FOO\r\n" * 4, b"NOOP\r\n"], errors=3)
    assert heard.count(b"550 5.1.1") == 5
    assert heard.count(b"500 5.5.2") == 2
    assert heard.endswith(b"421 4.7.0 too many errors, closing\r\n")


def test_pipelined_recipients_are_resolved_together(tmp_path: Path) -> None:
    async def run() -> tuple[int, bytes]:
        recorder = Recorder(tmp_path)
        peer = Peer(settings(tmp_path), recorder)
        names = [b"u%d" % number for number in range(150)]
        names[7:9] = [b"unknown", b"later"]
        await peer.send(BEGIN + b"".join(b"RCPT TO:<%b@d>\r\n" % name for name in names) + b"RSET\r\n")
        peer.close()
        return recorder.most_resolving, peer.heard

    most, heard = asyncio.run(run())
    assert most == conversation.RESOLVED_TOGETHER
    codes = [line[:3] for line in heard.split(b"\r\n")[-153:-1]]
    assert codes == [b"250"] + 7 * [b"250"] + [b"550", b"451"] + 141 * [b"250"] + [b"250"]


def test_reading_pauses_while_much_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a slow delivery a peer may pipeline; what it may send ahead is bounded."""
    monkeypatch.setattr(recording, "SLOW_SECONDS", 3.0)
    noops = b"NOOP\r\n" * 10_000

    async def run(peer: Peer) -> int:
        await peer.send(BEGIN + b"RCPT TO:<slow@d>\r\n")
        peer.socket.send(b"DATA\r\n.\r\n")
        sent, silent_since = 0, asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < silent_since + 0.2:
            with contextlib.suppress(BlockingIOError):
                sent += peer.socket.send(noops[sent % 6 :])
                silent_since = asyncio.get_running_loop().time()
            await asyncio.sleep(0.001)
        assert not peer.board.is_at_rest
        await peer.send(noops[sent % 6 :][: 6 - sent % 6] if sent % 6 else b"")
        return -(-sent // 6)

    peer, sent = with_peer(tmp_path, run)
    assert 10_000 < sent < 300_000
    assert peer.heard.count(b"250 2.0.0 ok\r\n") == sent


def test_commands_wait_while_replies_are_not_read(tmp_path: Path) -> None:
    """What is said to a peer that does not listen is bounded too."""
    helps = b"HELP\r\n" * 50_000

    async def run(peer: Peer) -> int:
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while sent < 100 * len(helps):
                await asyncio.sleep(0.1)
                sent += peer.socket.send(helps[sent % 6 :])
        left = await peer.unread_settled()
        await peer.send(helps[sent % 6 :][: 6 - sent % 6] if sent % 6 else b"")
        assert peer.heard.count(b"\r\n214 ") == -(-sent // 6)
        return left

    _, left = with_peer(tmp_path, run)
    assert left > 0


def test_end_of_input_after_a_whole_message_still_delivers(tmp_path: Path) -> None:
    async def run(peer: Peer) -> None:
        peer.socket.send(BEGIN + RCPT + b"DATA\r\nwhole\r\n.\r\n")
        peer.socket.shutdown(socket.SHUT_WR)
        await peer.is_forgotten()
        await peer.settle()

    peer, _ = with_peer(tmp_path, run)
    assert messages(tmp_path) == (b"whole\r\n",)
    assert b"250 2.0.0 Saved" in peer.heard
    assert peer.is_closed


@pytest.mark.parametrize("goes_by_eof", [True, False])
def test_peer_that_vanishes_in_the_message_delivers_nothing(goes_by_eof: bool, tmp_path: Path) -> None:
    async def run(peer: Peer) -> None:
        await peer.send(BEGIN + RCPT + b"DATA\r\nhalf a mess\r\n.")
        if goes_by_eof:
            peer.socket.shutdown(socket.SHUT_WR)
            await peer.is_forgotten()
            await peer.settle()
            assert peer.is_closed
        peer.socket.close()
        await peer.is_forgotten()

    peer, _ = with_peer(tmp_path, run)
    assert messages(tmp_path) == ()
    assert peer.gone == 1
    assert peer.heard.endswith(b"354 end data with <CR><LF>.<CR><LF>\r\n")


def test_delivery_outlasts_its_peer(tmp_path: Path) -> None:
    async def run(peer: Peer) -> tuple[int, int]:
        await peer.send(BEGIN + b"RCPT TO:<slow@d>\r\n")
        peer.socket.send(b"DATA\r\nkept\r\n.\r\n")
        peer.socket.close()
        await asyncio.sleep(0.1)
        gone = peer.gone
        await peer.is_forgotten()
        return gone, peer.gone

    assert with_peer(tmp_path, run)[1] == (0, 1)
    assert messages(tmp_path) == (b"kept\r\n",)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (b"", b"LMTP\r\n"),
        (b"NOOP\r\n", b"250 2.0.0 ok\r\n"),
        (b"LHLO x\r\n", b"421 4.4.2 idle for too long, closing\r\n"),
        (BEGIN + RCPT + b"DATA\r\nx", b"421 4.4.2 message took too long, closing\r\n"),
    ],
)
def test_silence_ends_the_session(said: bytes, heard: bytes, tmp_path: Path) -> None:
    """Without 421 before LHLO, where Postfix would hold back the whole destination for it."""

    async def run(peer: Peer) -> float:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await asyncio.sleep(0.2)
        await peer.send(said)
        await asyncio.wait_for(peer.is_forgotten(), 60)
        await peer.settle()
        return loop.time() - begun

    peer, taken = with_peer(tmp_path, run, idle_seconds=1)
    assert peer.is_closed
    assert peer.heard.endswith(heard)
    assert taken > (1.15 if said else 0.95)


def test_message_that_trickles_is_cut(tmp_path: Path) -> None:
    async def run(peer: Peer) -> None:
        await peer.send(BEGIN + RCPT + b"DATA\r\n")
        for _ in range(200):
            await peer.send(b"x")
            await asyncio.sleep(0.01)

    peer, _ = with_peer(tmp_path, run, data_seconds=1)
    assert peer.is_closed
    assert peer.heard.endswith(b"421 4.4.2 message took too long, closing\r\n")
    assert messages(tmp_path) == ()


def test_idle_clock_stands_still_while_delivering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deliverer's time is not the peer's fault."""
    monkeypatch.setattr(recording, "SLOW_SECONDS", 1.5)

    async def run(peer: Peer) -> None:
        await peer.send(BEGIN + b"RCPT TO:<slow@d>\r\nDATA\r\n.\r\n")

    peer, _ = with_peer(tmp_path, run, idle_seconds=1)
    assert peer.heard.count(b"250 2.0.0 Saved") == 1
    assert b"421" not in peer.heard


@pytest.mark.parametrize(
    "said", [b"", b"LHLO x\r\n", BEGIN, BEGIN + b"RSET\r\n", BEGIN + RCPT + b"DATA\r\n.\r\nRSET\r\n"]
)
def test_leaving_lets_a_peer_that_was_told_to_go_on_have_its_transaction(said: bytes, tmp_path: Path) -> None:
    """Postfix would put the mail back into its queue for minutes, or hold back the destination."""

    async def run(peer: Peer) -> None:
        await peer.send(said)
        peer.board.leave()
        await peer.settle()
        assert not peer.is_closed
        await peer.send((b"" if said == BEGIN else BEGIN) + RCPT + b"DATA\r\nlast\r\n.\r\n")
        await peer.send(b"MAIL FROM:<>\r\n")

    peer, _ = with_peer(tmp_path, run)
    assert messages(tmp_path)[-1] == b"last\r\n"
    assert peer.is_closed
    assert peer.heard.count(b"421 4.3.2 shutting down, connect again\r\n") == 1
    assert peer.heard.endswith(b"421 4.3.2 shutting down, connect again\r\n")


@pytest.mark.parametrize("last", [b"", b"RSET\r\n"])
def test_leaving_between_transactions(last: bytes, tmp_path: Path) -> None:
    """Behind the replies to a message, or in the place of the reply to RSET, by which Postfix asks."""

    async def run(peer: Peer) -> None:
        await peer.send(BEGIN + RCPT + b"DATA\r\n.\r\n" + (b"NOOP\r\n" if last else b""))
        peer.board.leave()
        await peer.settle()
        assert peer.is_closed == (not last)
        await peer.send(last)

    peer, _ = with_peer(tmp_path, run)
    assert peer.is_closed
    assert peer.heard.count(b"250 2.0.0 Saved") == 1
    assert peer.heard.endswith(b"421 4.3.2 shutting down, connect again\r\n")
