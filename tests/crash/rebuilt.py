"""A store whose database is lost: filled again from its segments, it has every message, byte for byte, under its UID.

    python -m tests.crash.rebuilt [--messages 100000]

Half of the messages come before the checkpoint, half after it. Prints figures; exits 1 where anything is wrong.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import Engine, text

from mda import address, settings
from mda.delivery.compose import compose
from mda.delivery.copies import Accepted
from mda.delivery.service import DeliveryService
from mda.envelope import Envelope, Peer, Recipient
from mda.logs import configure
from mda.maintenance import shards
from mda.metadata.postgresql.opened import opened
from mda.settings import Log
from mda.storage.location import Location
from mda.storage.reader import SegmentReader
from tests.crash.ledger import make_mail
from tests.integration.instance import Instance

DOMAIN = "rebuilt.test"
ACCOUNTS = tuple(f"a{number}" for number in range(20))
TOGETHER = 40
PRIVATE = Peer(is_trusted=True)

KNOWN = text(
    "SELECT account.address, mailbox.name, mailbox.uid_validity, message.uid, content.digest, content.segment,"
    ' content."offset", content.length FROM message'
    " JOIN mailbox ON (mailbox.account_id, mailbox.id) = (message.account_id, message.mailbox_id)"
    " JOIN content ON (content.account_id, content.id) = (message.account_id, message.content_id)"
    " JOIN account ON account.id = message.account_id"
)

Spot = tuple[str, str, int, bytes]
"""Address, mailbox, UID and digest of a message."""


@dataclass(slots=True)
class Rebuilt:
    messages: int
    octets: int = 0
    filled_seconds: float = 0
    rebuilt_seconds: float = 0
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.messages} messages, {self.octets / 1e6:.0f} MB, filled in {self.filled_seconds:.0f} s, rebuilt in"
            f" {self.rebuilt_seconds:.0f} s: {len(self.findings)} findings\n" + "".join(self.findings[:20])
        )


def rebuild(folder: Path, messages: int, database_url: str = "embedded") -> Rebuilt:
    """All of it, in `folder`, the caller's to remove."""
    result, instance = Rebuilt(messages), Instance(folder, database_url)
    instance.prepare(DOMAIN, ())
    for name in ACCOUNTS:
        instance.mda("account", "add", f"{name}@{DOMAIN}")
    begin = time.monotonic()
    result.octets = _fill(instance.settings, 0, messages // 2)
    instance.mda("storage", "checkpoint")
    result.octets += _fill(instance.settings, messages // 2, messages)
    result.filled_seconds = time.monotonic() - begin
    with opened(settings.load(instance.settings, {})) as engine:
        before, validities = _known(engine)
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    begin = time.monotonic()
    instance.mda("storage", "rebuild")
    result.rebuilt_seconds = time.monotonic() - begin
    _fill(instance.settings, messages, messages + 2 * len(ACCOUNTS))
    with opened(settings.load(instance.settings, {})) as engine:
        after, newer = _known(engine)
        result.findings += _unreadable(engine)
    result.findings += [f"gone: {spot}\n" for spot in before - after]
    if len(before) != messages:
        result.findings.append(f"{len(before)} of {messages} messages were there to begin with\n")
    if len(after) != messages + 2 * len(ACCOUNTS):
        result.findings.append(f"{len(after)} messages are there, for {messages} and the newest\n")
    given = {(spot[0], spot[1], spot[2]) for spot in before}
    for spot in after - before:
        if spot[:3] in given and newer[spot[:2]] == validities[spot[:2]]:
            result.findings.append(f"its UID was given out before: {spot}\n")
    return result


def _fill(file: Path, first: int, behind: int) -> int:
    """Delivers the mails of these numbers; their octets."""
    numbers, octets = iter(range(first, behind)), 0

    async def session(service: DeliveryService) -> None:
        nonlocal octets
        for number in numbers:
            recipient = Recipient(address.parse(f"{ACCOUNTS[number % len(ACCOUNTS)]}@{DOMAIN}"))
            mail = make_mail(f"M{number}", (), Random(number), is_stamped=True)
            accepted = await service.resolve(recipient, mail.sender)
            assert isinstance(accepted, Accepted)
            envelope = Envelope(mail.sender, (recipient,), PRIVATE)
            (reply,) = await service.deliver(envelope, (accepted,), mail.raw)
            assert reply.code == 250, reply
            octets += len(mail.raw)

    async def run() -> None:
        async with compose(settings.load(file, {})) as service:
            await asyncio.gather(*(session(service) for _ in range(TOGETHER)))

    asyncio.run(run())
    return octets


def _known(engine: Engine) -> tuple[set[Spot], dict[tuple[str, str], int]]:
    """Every message, and the UIDVALIDITY of every mailbox that has one."""
    with engine.connect() as connection:
        rows = connection.execute(KNOWN).all()
    return {(row[0], row[1], row[3], bytes(row[4])) for row in rows}, {(row[0], row[1]): row[2] for row in rows}


def _unreadable(engine: Engine) -> list[str]:
    """What does not read byte for byte: the reader verifies the digest, and here it is the row's."""
    (shard,) = shards.all_shards(engine)
    reader, findings = SegmentReader(shard), []
    with engine.connect() as connection:
        for row in connection.execute(KNOWN):
            record = reader.read_record(Location(row.segment, row.offset, row.length))
            if record.header.digest != bytes(row.digest):
                findings.append(f"another mail's bytes: {row.address}, {row.name}:{row.uid}\n")
    reader.close()
    return findings


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.rebuilt", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--messages", type=int, default=100_000)
    given = parser.parse_args(words)
    configure(Log(level="warning"))
    with tempfile.TemporaryDirectory(prefix="mda-rebuilt-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        result = rebuild(Path(folder), given.messages)
    sys.stdout.write(str(result))
    return 1 if result.findings else 0


if __name__ == "__main__":
    sys.exit(main())
