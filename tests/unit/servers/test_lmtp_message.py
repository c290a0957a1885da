"""The message behind DATA: its bytes, its end, its limits, and what the envelope says of it."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mda.binding.front import Event
from tests.unit.servers.recording import Recorder, envelopes, messages
from tests.unit.servers.wire import Peer, converse, settings, with_peer

BEGIN = b"LHLO client.example\r\nMAIL FROM:<a@b.example> BODY=8BITMIME\r\nRCPT TO:<u@d.example>\r\n"
CONVERSATION = (
    BEGIN
    + b"RCPT TO:<unknown@d>\r\nRCPT TO:<full@d>\r\nDATA\r\n"
    + b"..stuffed\r\n.\rcr\r\n.\nlf\n.\r\n...\r\n.x\r\n\xff\xfe\r\n\r\r\n\n\r\n.\r\n"
    + b"MAIL FROM:<>\r\nRCPT TO:<u@d>\r\nDATA\r\n.\r\nFOO\r\nQUIT\r\n"
)
MESSAGES = (b".stuffed\r\n\rcr\r\n\nlf\n.\r\n..\r\nx\r\n\xff\xfe\r\n\r\r\n\n\r\n", b"")


def without_names(heard: bytes) -> bytes:
    """Replies without the names that the recorder gives."""
    return b"\n".join(line.partition(b" id=")[0] for line in heard.split(b"\r\n"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    heard, delivered = converse(tmp_path_factory.mktemp("whole"), [CONVERSATION])
    assert delivered == MESSAGES
    assert heard.count(b"\r\n250 2.0.0 Saved") == 2
    assert heard.endswith(b"500 5.5.2 command not recognized\r\n221 2.0.0 bye\r\n")
    return without_names(heard)


@pytest.mark.parametrize("remainder", range(4))
def test_cut_in_two_at_every_byte(remainder: int, tmp_path: Path, whole: bytes) -> None:
    for cut in range(remainder, len(CONVERSATION), 4):
        folder = tmp_path / str(cut)
        folder.mkdir()
        heard, delivered = converse(folder, [CONVERSATION[:cut], CONVERSATION[cut:]])
        assert (without_names(heard), delivered) == (whole, MESSAGES), cut


def test_byte_by_byte(tmp_path: Path, whole: bytes) -> None:
    heard, delivered = converse(tmp_path, [bytes([one]) for one in CONVERSATION])
    assert (without_names(heard), delivered) == (whole, MESSAGES)


@pytest.mark.parametrize(
    "false_end",
    [
        *(b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\n.\r", b"\r\n.\r\r\n", b"\r\n. \r\n"),
        *(b"\r\n.\x00\r\n", b"\r\n..\r\n", b"\r\n\x00.\r\n", b"\r\r\n\r.\r\n", b"\r\n.\n\r\n"),
    ],
)
def test_smuggled_ends_end_nothing(false_end: bytes, tmp_path: Path) -> None:
    smuggled = b"MAIL FROM:<evil@b>\r\nRCPT TO:<u@d>\r\nDATA\r\nforged\r\n"
    body = b"x: y\r\n\r\nbefore" + false_end + smuggled
    heard, delivered = converse(tmp_path, [BEGIN + b"DATA\r\n" + body + b".\r\nNOOP\r\n"])
    assert delivered == (body.replace(b"\r\n.", b"\r\n"),)
    assert heard.count(b"\r\n250 2.0.0") == 2
    assert heard.count(b"\r\n354 ") == 1


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"x", b"\r\n.", b"\r\n.\r"])).map(b"".join),
    st.randoms(use_true_random=False),
)
def test_any_message_comes_back_as_it_was_however_cut(raw: bytes, chance: random.Random) -> None:
    """Stuffed line by line as RFC 5321 s4.5.2 asks of a client, cut anywhere."""
    body = raw + b"\r\n"
    wire = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in body.split(b"\r\n")) + b".\r\n"
    chunks = [BEGIN + b"DATA\r\n"]
    while wire:
        cut = chance.randint(1, 4)
        chunks.append(wire[:cut])
        wire = wire[cut:]
    with tempfile.TemporaryDirectory() as folder:
        heard, delivered = converse(Path(folder), [*chunks, b"NOOP\r\n"])
    assert delivered == (body,)
    assert heard.endswith(b"250 2.0.0 ok\r\n")


def test_over_the_limit_is_swallowed_and_refused_for_each_recipient(tmp_path: Path) -> None:
    begin = BEGIN + b"RCPT TO:<v@d>\r\nDATA\r\n"
    just = b"x" * 998 + b"\r\n"
    heard, delivered = converse(tmp_path, [begin + just + b".\r\n"], message_bytes=1000)
    assert delivered == (just,)
    heard, delivered = converse(tmp_path, [begin + b"y" + just + b".\r\nNOOP\r\n"], message_bytes=1000)
    assert delivered == (just,)
    assert heard.endswith(b"354 end data with <CR><LF>.<CR><LF>\r\n" + 2 * TOO_LARGE + b"250 2.0.0 ok\r\n")


TOO_LARGE = b"552 5.3.4 message is larger than this system accepts\r\n"


def test_what_is_swallowed_is_not_kept(tmp_path: Path) -> None:
    async def run(peer: Peer) -> int:
        await peer.send(BEGIN + b"DATA\r\n")
        for _ in range(20):
            await peer.send(b"z" * 50_000)
        return peer.board.held

    _, held = with_peer(tmp_path, run, message_bytes=1000)
    assert held == 0


def test_memory_for_all_messages_is_bounded(tmp_path: Path) -> None:
    """Two half-collected messages: the one that passes the bound is told 451, the other is delivered."""

    async def run(first: Peer) -> bytes:
        second = Peer(settings(tmp_path), Recorder(tmp_path), board=first.board)
        for peer in (first, second):
            await peer.send(BEGIN + b"DATA\r\n" + b"x" * 6000)
        for peer in (first, second):
            await peer.send(b"\r\n.\r\n")
        await second.send(b"MAIL FROM:<>\r\nRCPT TO:<u@d>\r\nDATA\r\n" + b"x" * 9000 + b"\r\n.\r\n")
        return second.heard

    peer, second = with_peer(tmp_path, run, in_flight_bytes=10_000)
    first = peer.heard
    assert first.count(b"250 2.0.0 Saved") == 1
    assert second.count(b"451 4.3.2 too much work in hand, try again later\r\n") == 1
    assert second.count(b"250 2.0.0 Saved") == 1


def test_envelope_of_a_trusted_peer(tmp_path: Path) -> None:
    said = (
        "LHLO mail.example\r\nXFORWARD NAME=client.example ADDR=192.0.2.9 PORT=[UNAVAILABLE] PROTO=ESMTP\r\n"
        "XFORWARD HELO=h+2Bi IDENT=4cXYZ SOURCE=REMOTE\r\nMAIL FROM:<@r:ä@b.example> SMTPUTF8\r\n"
        'RCPT TO:<"q s"@d.example>\r\nRCPT TO:<unknown@d>\r\nRCPT TO:<Ü+x@d.example>\r\nDATA\r\n.\r\n'
        "MAIL FROM:<>\r\nRCPT TO:<u@d.example>\r\nDATA\r\n.\r\n"
    )
    converse(tmp_path, [said.encode()])
    first, second = envelopes(tmp_path)
    assert first["reverse_path"] == "ä@b.example"
    assert first["is_smtputf8"] is True
    assert first["recipients"] == [
        {"address": {"local_part": "q s", "domain": "d.example"}, "original": ""},
        {"address": {"local_part": "Ü+x", "domain": "d.example"}, "original": ""},
    ]
    assert first["peer"] == {
        "name": "mail.example",
        "is_trusted": True,
        "queue_id": "4cXYZ",
        "client_name": "client.example",
        "client_address": "192.0.2.9",
        "helo": "h+i",
        "protocol": "ESMTP",
    }
    assert second["peer"] == {
        "name": "mail.example",
        "is_trusted": True,
        **dict.fromkeys(("queue_id", "client_name", "client_address", "helo", "protocol"), ""),
    }


def test_stranger_is_not_believed(tmp_path: Path) -> None:
    heard, _ = converse(tmp_path, [b"LHLO x\r\nXFORWARD IDENT=1\r\n" + BEGIN + b"DATA\r\n.\r\n"], is_trusted=False)
    assert b"\r\n550 5.7.0 " in heard
    assert b"250 XFORWARD" not in heard
    assert b"250-XFORWARD" not in heard
    assert envelopes(tmp_path)[0]["peer"] == {
        "name": "client.example",
        "is_trusted": False,
        **dict.fromkeys(("queue_id", "client_name", "client_address", "helo", "protocol"), ""),
    }


@pytest.mark.parametrize(
    ("orcpt", "original"),
    [
        ("rfc822;a+2Bb@d", "a+b@d"),
        ("RFC822;a@d", "a@d"),
        ("utf-8;\\x{FC}@d", "ü@d"),
        ("x400;c+3Dus", ""),
        ("rfc822;a+0Ab@d", None),
        ("rfc822;a+zz@d", None),
        ("rfc822;a+FF@d", None),
        ("utf-8;\\x{D800}@d", None),
        ("utf-8;\\x{0A}@d", None),
        ("a@d", None),
    ],
)
def test_original_recipient(orcpt: str, original: str | None, tmp_path: Path) -> None:
    said = f"LHLO x\r\nMAIL FROM:<> RET=HDRS ENVID=a+2Bb\r\nRCPT TO:<u@d> NOTIFY=SUCCESS,DELAY ORCPT={orcpt}\r\n"
    heard, _ = converse(tmp_path, [said.encode() + b"DATA\r\n.\r\n"], announce_dsn=True)
    assert b"\r\n250-DSN\r\n" in heard
    if original is None:
        assert b"\r\n501 5.5.4 " in heard
        assert messages(tmp_path) == ()
    else:
        recipients = envelopes(tmp_path)[0]["recipients"]
        assert recipients == [{"address": {"local_part": "u", "domain": "d"}, "original": original}]


@pytest.mark.parametrize("is_trusted", [True, False])
def test_mda_pipe_may_name_the_original_recipient(tmp_path: Path, is_trusted: bool) -> None:
    """XORCPT is for trusted peers, and brings ORCPT but nothing else of DSN."""
    said = b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<u@d> ORCPT=rfc822;o@d\r\nRCPT TO:<v@d> NOTIFY=NEVER\r\n"
    heard, _ = converse(tmp_path, [said + b"RCPT TO:<w@d>\r\nDATA\r\n.\r\n"], is_trusted=is_trusted)
    assert (b"XORCPT" in heard) is is_trusted
    assert heard.count(b"\r\n555 5.5.4 ") == (1 if is_trusted else 2)
    recipients = envelopes(tmp_path)[0]["recipients"]
    named = {"address": {"local_part": "u", "domain": "d"}, "original": "o@d"}
    unnamed = {"address": {"local_part": "w", "domain": "d"}, "original": ""}
    assert recipients == ([named, unnamed] if is_trusted else [unnamed])


def test_what_a_message_held_is_given_back_when_no_memory_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a few such messages leave a worker that answers every other one with "too much work in hand". Without a
    reply the mail stays with the peer."""
    body = b"x" * 6000 + b"\r\n.\r\n"

    async def run(first: Peer) -> bytes:
        second = Peer(settings(tmp_path), Recorder(tmp_path), board=first.board)
        with monkeypatch.context() as patched:
            patched.setattr(Event, "message", _no_memory)
            await first.send(BEGIN + b"DATA\r\n")
            await first.send(body)
        await first.is_forgotten()
        assert first.board.held == 0
        await second.send(BEGIN + b"DATA\r\n" + body)
        return second.heard

    first, second = with_peer(tmp_path, run, in_flight_bytes=10_000)
    assert first.is_closed
    assert first.heard.endswith(b"354 end data with <CR><LF>.<CR><LF>\r\n")
    assert b"250 2.0.0 Saved" in second


def _no_memory(_event: Event) -> bytes:
    raise MemoryError


def test_addresses_in_another_charset_are_taken(tmp_path: Path) -> None:
    """As Postfix hands them over without SMTPUTF8: refused, the mail would bounce."""
    converse(tmp_path, [b"LHLO x\r\nMAIL FROM:<J\xfcrgen@b>\r\nRCPT TO:<Ren\xe9\x81@d>\r\nDATA\r\n.\r\n"])
    (envelope,) = envelopes(tmp_path)
    assert envelope["reverse_path"] == "Jürgen@b"
    assert envelope["recipients"] == [{"address": {"local_part": "René\ufffd", "domain": "d"}, "original": ""}]
