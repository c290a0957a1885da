"""`mda trace`: found by every name, told with reasons and times, followed over moves; refusals too."""

import asyncio
import random
import string
from pathlib import Path

import msgspec
import pytest
import zstandard
from sqlalchemy import Engine, text

from mda import address
from mda.delivery.compose import compose
from mda.delivery.copies import Accepted
from mda.envelope import Envelope, Peer, Recipient
from mda.metadata.delivery import traces
from mda.settings import load
from mda.trace import LONGEST_NAME, CopyTrace, MessageTrace, Page, PageMaker, from_page, key
from tests.unit.cli.conftest import SENDER, System

PEER = Peer("mx.example", True, "4cQueueId1", "mail.example.net", "192.0.2.7", "mail.example.net", "ESMTP")
RAW = b"From: Ben <ben@example.net>\r\nMessage-ID: <one@Example.net>\r\nSubject: Hello\r\n\r\nDear Anne\r\n"


async def hand_over(file: Path, *recipients: str) -> None:
    async with compose(load(file, {})) as service:
        accepted = []
        for one in (Recipient(address.parse(name)) for name in recipients):
            answer = await service.resolve(one, SENDER)
            if isinstance(answer, Accepted):
                accepted.append(answer)
            else:
                service.refused(one, SENDER, PEER, answer)
        await service.deliver(Envelope(SENDER, tuple(one.recipient for one in accepted), PEER), accepted, RAW)


@pytest.fixture
def traced(anne: System) -> System:
    anne.done("alias", "add", "info@example.org", "anne@example.org")
    asyncio.run(hand_over(anne.file, "info@example.org", "nobody@example.org"))
    return anne


@pytest.mark.parametrize(
    "query",
    ["4cQueueId1", "one@example.net", "<one@Example.net>", "info@example.org", "Anne@example.org", "ben@example.net"],
)
def test_found_by_every_name(traced: System, query: str) -> None:
    found = traced.listed("trace", query)
    copies = [copy for entry in found for copy in entry["copies"]]
    assert ("info@example.org", "anne@example.org", "delivered") in [
        (copy["recipient"], copy["account"], copy["result"]) for copy in copies
    ]


def test_found_by_our_id_and_told_whole(traced: System) -> None:
    name = traced.listed("message", "list", "anne@example.org")[0]["id"]
    (found,) = traced.listed("trace", name)
    assert (found["queue_id"], found["client_address"], found["helo"]) == (
        "4cQueueId1",
        "192.0.2.7",
        "mail.example.net",
    )
    (copy,) = found["copies"]
    assert copy["content_id"] == name
    assert copy["score"] is not None
    assert copy["reasons"]
    assert copy["batch"] == 1
    assert 0 < found["inspect_seconds"] < found["seconds"]
    assert 0 < copy["commit_seconds"] < found["seconds"]
    assert 0 < copy["shard_seconds"] < found["seconds"]
    assert copy["shard_seconds"] + copy["commit_seconds"] + found["inspect_seconds"] <= found["seconds"] + 0.001


def test_moves_and_expunges_are_followed(traced: System) -> None:
    traced.done("mailbox", "create", "anne@example.org", "Old")
    traced.done("message", "move", "anne@example.org", "INBOX:1", "Old")
    shown = traced.done("trace", "4cQueueId1")
    assert "moved from INBOX:1" in shown
    assert "is in Old:1" in shown
    traced.done("message", "expunge", "anne@example.org", "Old:1")
    shown = traced.done("trace", "4cQueueId1")
    assert shown.index("moved from INBOX:1") < shown.index("expunged from Old:1")
    assert "is in" not in shown


def test_refused_recipient_tells_cause_and_queue_id(traced: System) -> None:
    shown = traced.done("trace", "nobody@example.org")
    assert "refused: 550 5.1.1 no such mailbox here (unknown_recipient)" in shown
    assert "queue id 4cQueueId1" in shown
    assert "client mail.example.net [192.0.2.7], helo mail.example.net ESMTP" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_unknown_names_and_what_is_too_old(traced: System, engine: Engine) -> None:
    assert "nothing is known of 4cOther" in traced.refused("trace", "4cOther")
    assert traced.listed("trace", "4cOther") == []
    assert traces.forget_old(engine, 1) == 0
    with engine.begin() as connection:
        connection.execute(text("UPDATE trace SET began_at = now() - interval '3 days', ended_at = began_at"))
        connection.execute(text("UPDATE trace SET ended_at = began_at"))
    assert traced.listed("trace", "4cQueueId1", "--days", "1") == []
    assert len(traced.listed("trace", "4cQueueId1")) == 2
    assert traces.forget_old(engine, 1) == 1
    assert traced.listed("trace", "4cQueueId1") == []


def test_the_longest_message_id_takes_no_more_than_another(anne: System, engine: Engine) -> None:
    name = "".join(random.Random(1).choices(string.ascii_lowercase, k=200_000))
    anne.deliver("anne@example.org", f"Message-ID: <{name}@example.net>\r\n\r\nHello\r\n".encode())
    (found,) = anne.listed("trace", f"<{name}@example.net>")
    assert found["message_id"] == name[:LONGEST_NAME]
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT max(octet_length(raw)) FROM trace")) < 2000


def page_of(*entries: MessageTrace) -> Page:
    maker = PageMaker()
    for entry in entries:
        maker.add(msgspec.structs.astuple(entry))
        maker.names.extend(entry.names())
    return maker.page()


class OlderTrace(msgspec.Struct, frozen=True, array_like=True):
    """As the version before had it, up to its last field."""

    at: float
    reverse_path: str
    copies: tuple[CopyTrace, ...]
    queue_id: str
    peer: str
    client_name: str
    client_address: str
    helo: str
    protocol: str
    message_id: str
    size: int
    seconds: float
    inspect_seconds: float


def test_versions_read_each_others_pages() -> None:
    copy = CopyTrace("anne@example.org", "delivered", score=0.5, reasons=(("body words", 1.5),))
    raw = msgspec.msgpack.encode([(1.0, "ben@example.net", (copy,), *"abcdefg", 7, 0.5, 0.25)])
    (read,) = from_page(zstandard.ZstdCompressor().compress(raw))
    assert (read.copies, read.inspect_seconds, read.evidence) == ((copy,), 0.25, b"")
    page = page_of(MessageTrace(1.0, "ben@example.net", (copy,), evidence=b"\1" * 8))
    raw = zstandard.ZstdDecompressor().decompress(page.raw)
    assert msgspec.msgpack.decode(raw, type=tuple[OlderTrace, ...])[0].copies == (copy,)


def test_hostile_names_are_shown_and_kept_as_they_are() -> None:
    copy = CopyTrace(recipient="a\x1b[2J@example.org", result="delivered")
    entry = MessageTrace(1.0, "a\0b@example.net", (copy,))
    assert from_page(page_of(entry).raw) == (entry,)


@pytest.mark.parametrize("odd", ["", "a\0b", "\u0130\u00df@example.org"])
def test_each_name_of_a_page_has_its_key(odd: str) -> None:
    names = ("<A@Example.net>", " b@example.net\r\n", "x" * 2000, *([odd] if odd else []))
    page = page_of(*(MessageTrace(1.0, name, ()) for name in names))
    assert sorted(page.keys) == sorted({key(name) for name in names})
