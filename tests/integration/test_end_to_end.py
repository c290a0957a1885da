"""Real mails through a real Postfix by both transports, and read back byte for byte.

Each mail goes in by SMTP with three recipients: one by LMTP and one by pipe(8) and mda-pipe, both to the MDA; one by
LMTP to a recorder, which keeps what Postfix sent. What the MDA stored for the first two must be those very bytes.

The mails are those of $MDA_CORPUS (a folder of .eml files), else of build/corpus (tools/fetch_corpus.py), else the
project's own samples.
"""

import contextlib
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import UnixSocketController
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Engine, select

from mda.metadata.content.facts import of_row
from mda.metadata.postgresql.engine import make_engine
from mda.metadata.schema.tables import account, content, shard
from mda.storage.location import Location
from mda.storage.reader import SegmentReader
from mda.storage.shard import Shard
from tests.integration.instance import Instance
from tests.integration.postfix import Lmtp, Pipe, Postfix, Route, Setup, running
from tests.requirements import require_postfix

pytestmark = pytest.mark.postfix

PROJECT = Path(__file__).resolve().parents[2]
MOST = 1000
WAIT_SECONDS = 180

MAIN_CF = """
local_header_rewrite_clients =
mime_nesting_limit = 1000
virtual_alias_maps = inline:{old-name@pipe.test=ben@pipe.test}
"""
"""Nothing in the mail is changed on its way, but for Received; and one alias is Postfix's own."""


class Recorder:
    """Keeps the SHA-256 of each message that Postfix sends, by its sender."""

    def __init__(self) -> None:
        self.digests: dict[str, bytes] = {}

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        self.digests[envelope.mail_from] = hashlib.sha256(envelope.content).digest()
        return "250 2.0.0 kept"


class LongLines(LMTP):
    """QUIRK: aiosmtpd refuses lines over 1,001 octets; Postfix, told so, sends them."""

    line_length_limit = 2**24


class RecorderController(UnixSocketController):
    def factory(self) -> LMTP:
        return LongLines(self.handler, data_size_limit=None, enable_SMTPUTF8=True)


@contextlib.contextmanager
def recording(socket: Path) -> Iterator[Recorder]:
    recorder = Recorder()
    controller = RecorderController(recorder, unix_socket=str(socket))
    controller.start()
    socket.chmod(0o666)
    try:
        yield recorder
    finally:
        controller.stop()


def mails() -> list[Path]:
    for folder in (os.environ.get("MDA_CORPUS"), PROJECT / "build" / "corpus", PROJECT / "tests" / "samples"):
        found = sorted(Path(folder).rglob("*.eml")) if folder else []
        if found:
            return found[:: max(1, len(found) // MOST)][:MOST]
    raise AssertionError("there are no mails to send")


def stored(engine: Engine) -> dict[tuple[str, str], list[bytes]]:
    """SHA-256 of the stored forms, by the account's domain and the sender (in the prefix's Return-Path)."""
    query = select(account.c.address, content, shard.c.name.label("shard_name"), shard.c.url).where(
        content.c.account_id == account.c.id, content.c.shard_id == shard.c.id
    )
    readers: dict[int, SegmentReader] = {}
    found: dict[tuple[str, str], list[bytes]] = {}
    with engine.connect() as connection:
        for row in connection.execute(query):
            reader = readers.setdefault(row.shard_id, SegmentReader(Shard(row.shard_id, row.shard_name, row.url)))
            raw = reader.read(Location(row.segment, row.offset, row.length))
            digest = hashlib.sha256(raw).digest()
            assert digest == bytes(row.digest)
            found.setdefault((row.address.split("@")[1], _sender(row)), []).append(digest)
    return found


def _sender(row: Any) -> str:
    first_line: bytes = of_row(row).prefix.split(b"\r\n", 1)[0]
    return first_line.decode().removeprefix("Return-Path: <").removesuffix(">")


@pytest.fixture
def postfix(instance: Instance) -> Iterator[Postfix]:
    require_postfix()
    instance.prepare("lmtp.test", ["anna"])
    instance.mda("domain", "add", "pipe.test")
    instance.mda("account", "add", "ben@pipe.test", "--password-stdin", stdin=b"correct horse\n")
    instance.start()
    program = instance.folder / "mda-pipe"
    shutil.copy(Path(sys.executable).parent / "mda-pipe", program)
    argv = (
        f"{program} --socket {instance.socket} --queue-id ${{queue_id}} --original-recipient=${{original_recipient}}"
        " -f ${sender} -- ${recipient}"
    )
    routes: dict[str, Route] = {
        "lmtp.test": Lmtp(instance.socket),
        "pipe.test": Pipe(argv),
        "other.test": Lmtp(instance.socket),
        "sink.test": Lmtp(instance.folder / "sink.sock"),
    }
    with running(Setup(routes, main_cf=MAIN_CF)) as made:
        yield made


def test_real_mails_arrive_byte_for_byte(instance: Instance, postfix: Postfix) -> None:
    chosen = mails()
    recipients = ["anna@lmtp.test", "ben@pipe.test", "sink@sink.test"]
    with recording(instance.folder / "sink.sock") as recorder:
        with ThreadPoolExecutor(4) as senders:
            jobs = [
                senders.submit(postfix.send, recipients, path.read_bytes(), f"mail{number}@there.test")
                for number, path in enumerate(chosen)
            ]
            assert len({job.result() for job in jobs}) == len(chosen)
        deadline = time.monotonic() + WAIT_SECONDS
        while postfix.queue() and time.monotonic() < deadline:
            time.sleep(0.2)
    assert {(one.status, one.text) for one in postfix.deliveries() if one.status != "sent"} == set()
    assert postfix.queue() == ()

    engine = make_engine(instance.database_url)
    found = stored(engine)
    engine.dispose()
    assert len(recorder.digests) == len(chosen)
    for sender, digest in recorder.digests.items():
        assert found.pop(("lmtp.test", sender)) == [digest]
        assert found.pop(("pipe.test", sender)) == [digest]
    assert found == {}


def test_the_log_of_postfix_names_the_stored_message(instance: Instance, postfix: Postfix) -> None:
    queue_id = postfix.send(["anna@lmtp.test", "ben@pipe.test"], b"Subject: named\r\n\r\nHello\r\n")
    for delivery in postfix.wait_for(queue_id, 2):
        assert delivery.status == "sent"
        identifier = delivery.text.split("id=")[1].split()[0]
        shown = instance.mda("message", "raw", delivery.recipient, identifier)
        assert shown.endswith(b"Subject: named\r\n\r\nHello\r\n")
        assert queue_id.encode() in shown


def test_pipe_tells_the_original_recipient(instance: Instance, postfix: Postfix) -> None:
    queue_id = postfix.send(["old-name@pipe.test"], b"Subject: x\r\n\r\n")
    (delivery,) = postfix.wait_for(queue_id)
    identifier = delivery.text.split("id=")[1].split()[0]
    shown = instance.mda("message", "raw", "--delivered", "ben@pipe.test", identifier)
    assert b"\r\nDelivered-To: ben@pipe.test\r\nX-Original-To: old-name@pipe.test\r\n" in shown


def test_an_unknown_user_bounces_and_an_unknown_domain_waits(instance: Instance, postfix: Postfix) -> None:
    """Permanent only what the directory proves: the domain is ours, and nobody is there."""
    queue_id = postfix.send(["nobody@lmtp.test", "nobody@pipe.test", "anna@other.test"], b"Subject: x\r\n\r\n")
    answers = {one.recipient: (one.status, one.dsn) for one in postfix.wait_for(queue_id, 3)}
    assert answers == {
        "nobody@lmtp.test": ("bounced", "5.1.1"),
        "nobody@pipe.test": ("bounced", "5.1.1"),
        "anna@other.test": ("deferred", "4.3.5"),
    }
