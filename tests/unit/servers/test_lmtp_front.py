"""What the front answers by itself is what Python would have answered, and what it hands over is complete."""

import asyncio
import tempfile
from collections.abc import Sized
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mda.antispam.classifier import base_model_path
from mda.binding import Found, Model, Reader, brief_of, brief_of_found
from mda.servers.lmtp import acquaintances
from mda.servers.lmtp.conversation import Conversation
from tests.unit.servers.house import wait_for
from tests.unit.servers.recording import Recorder, envelopes, messages
from tests.unit.servers.wire import Peer, converse, settings, with_peer

BEGIN = b"LHLO client.example\r\n"
HELD = b"RCPT TO:<held@d>\r\n"
MESSAGE = b"DATA\r\nx\r\n.\r\n"

_words = st.sampled_from(
    (
        *(b"MAIL FROM:<", b"mail from:<", b"XFORWARD", b"RCPT TO:<held@d>", b"DATA", b"RSET", b">", b"<", b"a", b"@"),
        *(b".", b" ", b"b.example", b" SIZE=", b" BODY=", b"7BIT", b"8bitmime", b"1", b"99999999999999999999"),
        *(b" SMTPUTF8", b" NAME=", b" IDENT=", b" ADDR=[UNAVAILABLE]", b"+", b"=", b"\xc3\xbc", b"\xff", b"\x00"),
        *(b"\t", b'"', b"\\", b"-"),
    )
)
_lines = st.lists(_words, max_size=8).map(b"".join)


@given(st.lists(_lines, max_size=6))
def test_never_at_odds_with_the_session(lines: list[bytes]) -> None:
    """Each line that the front has answered is repeated to the session, which must have said the same: at odds, the
    connection would be closed in doubt."""
    said = [line + b"\r\n" for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        heard, _ = converse(Path(folder), [BEGIN, *said, b".\r\nRSET\r\n", b"NOOP\r\n"], errors=100)
    assert heard.endswith(b"250 2.0.0 ok\r\n")


def test_envelope_of_what_it_answers(tmp_path: Path) -> None:
    said = BEGIN + b"MAIL FROM:<>\r\n" + HELD + MESSAGE
    forwarded = b"XFORWARD NAME=client.example ADDR=[UNAVAILABLE]\r\nXFORWARD IDENT=4cXYZ HELO=h PROTO=ESMTP\r\n"
    again = b"MAIL FROM:<A.b@c.example> SIZE=3 BODY=8BITMIME\r\n" + HELD + MESSAGE
    converse(tmp_path, [said, forwarded + again, again, b"MAIL FROM:<>\r\n" + HELD + HELD + MESSAGE])
    _, second, third, fourth = envelopes(tmp_path)
    held = {"address": {"local_part": "held", "domain": "d"}, "original": ""}
    nobody = dict.fromkeys(("queue_id", "client_name", "client_address", "helo", "protocol"), "")
    client = {"queue_id": "4cXYZ", "client_name": "client.example", "helo": "h", "protocol": "ESMTP"}
    assert (second["reverse_path"], second["recipients"]) == ("A.b@c.example", [held])
    assert second["peer"] == {"name": "client.example", "is_trusted": True, **nobody, **client}
    assert third["peer"] == {"name": "client.example", "is_trusted": True, **nobody}
    assert (fourth["reverse_path"], fourth["recipients"]) == ("", [held, held])


def test_session_of_one_message_asks_nobody(tmp_path: Path) -> None:
    async def run(_: Peer) -> tuple[bytes, bool, int]:
        recorder = Recorder(tmp_path)
        peer = Peer(settings(tmp_path), recorder)
        await peer.send(BEGIN + b"MAIL FROM:<>\r\n" + HELD + MESSAGE)
        other = Peer(settings(tmp_path), recorder, board=peer.board)
        await other.send(b"LHLO pipe\r\nXFORWARD IDENT=4cXYZ\r\nMAIL FROM:<>\r\n" + HELD + MESSAGE + b"QUIT\r\n")
        await asyncio.sleep(0)
        peer.close()
        return other.heard, other.is_closed, recorder.resolved

    _, (heard, is_closed, resolved) = with_peer(tmp_path, run)
    assert heard.endswith(b"\r\n221 2.0.0 bye\r\n")
    assert (is_closed, resolved) == (True, 1)
    empty = dict.fromkeys(("client_name", "client_address", "helo", "protocol"), "")
    assert envelopes(tmp_path)[1]["peer"] == {"name": "pipe", "is_trusted": True, "queue_id": "4cXYZ", **empty}


def test_whether_to_go_on_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Postfix asks by RSET before it brings the next message. What XFORWARD has said of the last one is forgotten."""
    asked: list[bytes] = []
    hear = Conversation._hear

    def hearing(conversation: Conversation, lines: bytes) -> None:
        asked.append(lines)
        hear(conversation, lines)

    async def run(peer: Peer) -> None:
        await peer.send(BEGIN + b"MAIL FROM:<>\r\n" + HELD + MESSAGE)
        monkeypatch.setattr(Conversation, "_hear", hearing)
        for queue_id in (b"XFORWARD IDENT=4old\r\nXFORWARD IDENT=4cXYZ\r\n", b""):
            await peer.send(b"RSET\r\n")
            await peer.send(queue_id + b"MAIL FROM:<>\r\n" + HELD + MESSAGE)

    peer, _ = with_peer(tmp_path, run)
    assert peer.heard.count(b"250 2.0.0 ok\r\n") == 4
    assert asked == []
    assert ["4cXYZ" in str(one["peer"]) for one in envelopes(tmp_path)] == [False, True, False]


@pytest.mark.parametrize("text", [b"x", b"x" * 2000], ids=["stored", "too large"])
@pytest.mark.parametrize("recipients", [HELD, HELD + b"RCPT TO:<other@d>\r\n"], ids=["one", "two"])
def test_nothing_of_a_message_outlives_it(recipients: bytes, text: bytes, tmp_path: Path) -> None:
    """Whatever came of it: RSET behind it, of which the session hears nothing, has nothing to reset."""

    async def run(peer: Peer) -> None:
        await peer.send(BEGIN + b"MAIL FROM:<a@b>\r\n" + HELD + MESSAGE + b"RSET\r\n")
        await peer.send(b"XFORWARD IDENT=4cXYZ HELO=hello.example\r\nMAIL FROM:<a@b>\r\n" + recipients)
        await peer.send(b"DATA\r\n" + text + b"\r\n.\r\nRSET\r\n")
        await peer.send(b"MAIL FROM:<>\r\n" + HELD + MESSAGE)

    peer, _ = with_peer(tmp_path, run, message_bytes=1024)
    assert peer.heard.count(b"\r\n552 5.3.4 ") == (0 if text == b"x" else recipients.count(b"RCPT"))
    *_, last = envelopes(tmp_path)
    assert last["reverse_path"] == ""
    assert last["recipients"] == [{"address": {"local_part": "held", "domain": "d"}, "original": ""}]
    assert "4cXYZ" not in str(last["peer"])
    assert "hello.example" not in str(last["peer"])


def has_more(what: Sized, count: int) -> bool:
    return len(what) > count


def test_messages_that_come_beside_others_have_been_read(tmp_path: Path) -> None:
    """Alone, with a model and after another reader has taken its place."""
    transaction = b"MAIL FROM:<>\r\n" + HELD + MESSAGE
    model = Model(base_model_path())

    async def run(_: Peer) -> list[Found | None]:
        recorder = Recorder(tmp_path)
        peer = Peer(settings(tmp_path), recorder)
        await peer.send(BEGIN + transaction)
        await peer.send(transaction)
        for reader in (Reader(None, None), Reader(model, None)):
            recorder.reads_with, before = reader, len(recorder.found)
            peer.socket.send(b"MAIL FROM:<>\r\nRCPT TO:<slow@d>\r\n" + MESSAGE)
            await asyncio.to_thread(wait_for, partial(has_more, recorder.found, before), "a message in hand")
            other = Peer(settings(tmp_path), recorder, board=peer.board)
            await other.send(BEGIN + transaction)
            other.socket.close()
        peer.close()
        return recorder.found

    _, found = with_peer(tmp_path, run)
    assert found[:3] == [None, None, None], "of these nobody was in a hurry, and the last had more than one question"
    assert found[4] is None
    assert [one and one.model_version for one in (found[3], found[5])] == ["", model.version]
    assert [one and brief_of_found(one) for one in (found[3], found[5])] == [
        brief_of(b"x\r\n"),
        brief_of(b"x\r\n", model),
    ]


def test_stranger_may_not_forward(tmp_path: Path) -> None:
    heard, _ = converse(tmp_path, [BEGIN + b"XFORWARD IDENT=1\r\n"], is_trusted=False)
    assert heard.endswith(b"550 5.7.0 XFORWARD is not for this peer\r\n")


def test_forgotten_recipients_are_asked_for_again(tmp_path: Path) -> None:
    async def run(_: Peer) -> list[int]:
        recorder = Recorder(tmp_path)
        peer = Peer(settings(tmp_path), recorder)
        asked = []
        for is_forgotten in (False, False, True, False):
            if is_forgotten:
                recorder.forget()
            await peer.send(BEGIN + b"MAIL FROM:<>\r\n" + HELD)
            asked.append(recorder.resolved)
        peer.close()
        return asked

    assert with_peer(tmp_path, run)[1] == [1, 1, 2, 2]


@pytest.mark.parametrize("others", [b"", HELD])
def test_recipient_whose_number_is_gone_is_temporary(
    others: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if ever so many others had been accepted since RCPT. The session goes on."""

    async def run(peer: Peer) -> None:
        await peer.send(BEGIN + b"MAIL FROM:<>\r\n" + HELD + b"RSET\r\n")
        await peer.send(b"MAIL FROM:<>\r\n" + HELD + others)
        with monkeypatch.context() as patched:
            patched.setattr(acquaintances.Acquaintances, "get", lambda *_: None)
            await peer.send(MESSAGE)
        await peer.send(b"MAIL FROM:<>\r\n" + HELD + MESSAGE)

    peer, _ = with_peer(tmp_path, run)
    assert peer.heard.count(b"451 4.3.2 too much work in hand, try again later\r\n") == (2 if others else 1)
    assert peer.heard.count(b"250 2.0.0 Saved") == 1
    assert len(messages(tmp_path)) == 1


def test_only_the_last_acquaintances_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acquaintances, "MOST", 3)

    async def run(peer: Peer) -> None:
        for number in range(5):
            await peer.send(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<held@d%d>\r\n" % number)
        await peer.send(b"RSET\r\n")
        for number in range(5):
            await peer.send(b"MAIL FROM:<>\r\nRCPT TO:<held@d%d>\r\n" % number + MESSAGE)

    peer, _ = with_peer(tmp_path, run)
    assert peer.heard.count(b"451 4.3.2 ") == 2
    assert len(messages(tmp_path)) == 3
