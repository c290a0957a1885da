"""A delivery service over a real database and a real shard."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from mda import address
from mda.causes import Cause, Reply
from mda.delivery.compose import compose
from mda.delivery.copies import Accepted
from mda.delivery.service import DeliveryService
from mda.envelope import Envelope, Peer, Recipient
from mda.identifiers import IdentifierSource
from mda.metadata.content.facts import of_row
from mda.metadata.directory import accounts, domains, shards
from mda.metadata.directory.accounts import NewAccount
from mda.metadata.schema.tables import content, mailbox, message
from mda.settings import Database, Settings, Workers
from mda.storage.location import Location
from mda.storage.reader import read
from mda.storage.shard import Shard, create_shard
from tests.crash.processes import wait_until

DOMAIN = "example.org"


@dataclass(frozen=True, slots=True)
class Row:
    """One message as it stands in the database, with its body read from the shard."""

    account: str
    mailbox: str
    uid: int
    content_id: int
    stored: bytes
    prefix: bytes


@dataclass(frozen=True, slots=True)
class House:
    """A domain with accounts anna and ben, and one shard."""

    engine: Engine
    settings: Settings
    shard: Shard
    identifiers: IdentifierSource

    def add_account(self, local_part: str, **limits: int | None) -> None:
        new = NewAccount(address.parse(f"{local_part}@{DOMAIN}"), **limits)  # type: ignore[arg-type]
        accounts.add(self.engine, self.identifiers, new)

    def rows(self, local_part: str) -> list[Row]:
        """The account's messages, by mailbox and UID."""
        account = accounts.find(self.engine, address.parse(f"{local_part}@{DOMAIN}"))
        query = (
            select(mailbox.c.name, message.c.uid, content)
            .join_from(
                message,
                content,
                (message.c.account_id == content.c.account_id) & (message.c.content_id == content.c.id),
            )
            .join(mailbox, (mailbox.c.account_id == message.c.account_id) & (mailbox.c.id == message.c.mailbox_id))
            .where(message.c.account_id == account.id)
            .order_by(mailbox.c.name, message.c.uid)
        )
        with self.engine.connect() as connection:
            found = connection.execute(query).all()
        return [
            Row(local_part, row.name, row.uid, row.id, read(self.shard, _location(row)), of_row(row).prefix)
            for row in found
        ]


def _location(row: object) -> Location:
    return Location(row.segment, row.offset, row.length)  # type: ignore[attr-defined]


@pytest.fixture
def house(engine: Engine, database_url: str, tmp_path: Path) -> House:
    identifiers = IdentifierSource()
    root = tmp_path / "shard"
    made = shards.add(engine, identifiers, "s1", root.as_uri())
    create_shard(root, made.id, made.name)
    domains.add(engine, DOMAIN)
    settings = Settings(data_dir=str(tmp_path), database=Database(url=database_url), workers=Workers(count=1))
    built = House(engine, settings, Shard(made.id, made.name, made.url), identifiers)
    built.add_account("anna")
    built.add_account("ben")
    return built


async def hand_over(
    service: DeliveryService, raw: bytes, *recipients: str, sender: str = "s@example.net", queue_id: str = ""
) -> list[Reply | Cause]:
    """What Postfix would: RCPT for each, DATA for those accepted. One answer per recipient, in order."""
    asked = [Recipient(address.parse(recipient)) for recipient in recipients]
    answers: list[Accepted | Cause | Reply] = [await service.resolve(one, sender) for one in asked]
    accepted = tuple(answer for answer in answers if isinstance(answer, Accepted))
    envelope = Envelope(sender, tuple(one.recipient for one in accepted), Peer(queue_id=queue_id, is_trusted=True))
    replies = iter(await service.deliver(envelope, accepted, raw)) if accepted else iter(())
    return [next(replies) if isinstance(answer, Accepted) else answer for answer in answers]


async def until(condition: Callable[[], bool]) -> None:
    """While the event loop turns."""
    await asyncio.to_thread(wait_until, condition, 20, "what was to happen")


def codes(answers: list[Reply | Cause]) -> list[str]:
    """`250 2.0.0` and the like."""
    plain = [answer.reply if isinstance(answer, Cause) else answer for answer in answers]
    return [f"{reply.code} {reply.enhanced}" for reply in plain]


__all__ = ["DOMAIN", "House", "Row", "codes", "compose", "hand_over", "until"]
