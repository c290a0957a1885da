"""How an account stands beside its quota, and counting it again.

Usage is counted in the transaction of each change (`account_state`), so it is exact also after a crash. `recount`
proves that, account by account, and mends what an error or a hand in psql has changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from mda.address import Address
from mda.metadata.directory import accounts
from mda.metadata.mailbox.change import lock
from mda.metadata.postgresql.engine import transaction

PORTION_ACCOUNTS = 1000

COUNTED = """
SELECT message.mailbox_id, count(*) AS messages, count(*) FILTER (WHERE message.flags & 1 = 0) AS unseen,
    coalesce(sum(content.delivered_size), 0)::bigint AS octets
FROM message LEFT JOIN content ON content.account_id = message.account_id AND content.id = message.content_id
WHERE message.account_id = :account_id GROUP BY 1
"""

MEND_MAILBOX = """
UPDATE mailbox SET message_count = :messages, unseen_count = :unseen, bytes = :octets
WHERE account_id = :account_id AND id = :mailbox_id
    AND (message_count, unseen_count, bytes) IS DISTINCT FROM (:messages, :unseen, :octets)
"""

MEND_ACCOUNT = "UPDATE account_state SET bytes = :octets, message_count = :messages WHERE account_id = :account_id"


OF_ACCOUNT = """
SELECT account.address AS name, quota_bytes, quota_messages, warn_percent, grace_percent,
    coalesce(state.bytes, 0) AS used_bytes, coalesce(state.message_count, 0) AS used_messages, warned_at
FROM account LEFT JOIN account_state AS state ON state.account_id = account.id WHERE account.id = :account_id
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's or a domain's quota, and what it uses. Limits: None for none; percentages: None for those of the
    settings. `warned_at`: since when it was seen above its soft limit."""

    name: str
    quota_bytes: int | None
    quota_messages: int | None
    warn_percent: int | None
    grace_percent: int | None
    used_bytes: int
    used_messages: int
    warned_at: datetime | None


@dataclass(frozen=True, slots=True)
class Recount:
    """An account as it was counted and as it is; `mailboxes` is how many of its mailboxes were wrong."""

    address: str
    bytes_before: int
    bytes_after: int
    messages_before: int
    messages_after: int
    mailboxes: int

    @property
    def is_wrong(self) -> bool:
        return self.mailboxes > 0 or (self.bytes_before, self.messages_before) != (
            self.bytes_after,
            self.messages_after,
        )


def of_account(engine: Engine, wanted: Address) -> Standing:
    """NotFound with the nearest address."""
    with transaction(engine) as connection:
        account_id = accounts.require(connection, wanted).id
        return Standing(**connection.execute(text(OF_ACCOUNT), {"account_id": account_id}).one()._mapping)


def recount(engine: Engine, addresses: Sequence[str] | None = None, *, is_rehearsal: bool = False) -> Iterator[Recount]:
    """Counts `addresses` (keys of accounts), or all accounts, each in a transaction that holds it alone, so mail keeps
    arriving for the others. A rehearsal says the same and changes nothing."""
    for account_id, address in _accounts(engine, addresses):
        with transaction(engine) as connection:
            counted = _recount(connection, account_id, address)
            if is_rehearsal:
                connection.rollback()
        yield counted


def _accounts(engine: Engine, addresses: Sequence[str] | None) -> Iterator[tuple[int, str]]:
    last = 0
    while True:
        with transaction(engine) as connection:
            rows = connection.execute(
                text(
                    "SELECT account.id, account.address FROM account JOIN account_state ON account_id = account.id"
                    " WHERE account.id > :last AND (:addresses ::text[] IS NULL OR address = ANY (:addresses))"
                    " ORDER BY account.id LIMIT :portion"
                ),
                {"last": last, "addresses": list(addresses) if addresses else None, "portion": PORTION_ACCOUNTS},
            ).all()
        if not rows:
            return
        yield from ((row.id, row.address) for row in rows)
        last = rows[-1].id


def _recount(connection: Connection, account_id: int, address: str) -> Recount:
    before = lock(connection, account_id)
    counted = {row.mailbox_id: row for row in connection.execute(text(COUNTED), {"account_id": account_id})}
    known = connection.scalars(
        text("SELECT id FROM mailbox WHERE account_id = :account_id"), {"account_id": account_id}
    )
    wrong = 0
    for mailbox_id in known.all():
        row = counted.get(mailbox_id)
        values = (
            {"messages": row.messages, "unseen": row.unseen, "octets": row.octets}
            if row
            else dict.fromkeys(("messages", "unseen", "octets"), 0)
        )
        wrong += connection.execute(
            text(MEND_MAILBOX), {"account_id": account_id, "mailbox_id": mailbox_id, **values}
        ).rowcount
    octets, messages = sum(row.octets for row in counted.values()), sum(row.messages for row in counted.values())
    if (octets, messages) != (before.bytes, before.message_count):
        connection.execute(text(MEND_ACCOUNT), {"account_id": account_id, "octets": octets, "messages": messages})
    return Recount(address, before.bytes, octets, before.message_count, messages, wrong)
