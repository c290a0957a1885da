"""Who uses how much of what they may, and counting it again.

Usage is counted in the transaction of each change (`account_state`), so it is exact also after a crash. `recount`
proves that, account by account, and mends what an error or a hand in psql has changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from mda.metadata.directory import domains
from mda.metadata.mailbox.change import lock
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.words import AccountState

PORTION_ACCOUNTS = 1000

USAGE = """
SELECT account.id, account.address, account.quota_bytes, account.quota_messages,
    coalesce(state.bytes, 0) AS used_bytes, coalesce(state.message_count, 0) AS used_messages,
    greatest(
        100.0 * state.bytes / nullif(account.quota_bytes, 0),
        100.0 * state.message_count / nullif(account.quota_messages, 0),
        CASE WHEN 0 IN (account.quota_bytes, account.quota_messages) THEN 100 END
    )::float8 AS percent
FROM account
    JOIN address ON address.account_id = account.id AND address.kind = 'account'
    LEFT JOIN account_state AS state ON state.account_id = account.id
WHERE account.state <> :deleted AND (:domain ::text IS NULL OR address.domain = :domain)
"""

LISTED = f"""
SELECT * FROM ({USAGE}) AS found WHERE :over ::float8 IS NULL OR percent >= :over
ORDER BY percent DESC NULLS LAST, address
"""  # noqa: S608 - of constants

BY_DOMAIN = """
SELECT address.domain, count(*) AS accounts, coalesce(sum(state.bytes), 0)::bigint AS used_bytes,
    coalesce(sum(state.message_count), 0)::bigint AS used_messages,
    CASE WHEN count(*) = count(account.quota_bytes) THEN sum(account.quota_bytes)::bigint END AS promised_bytes
FROM account
    JOIN address ON address.account_id = account.id AND address.kind = 'account'
    LEFT JOIN account_state AS state ON state.account_id = account.id
WHERE account.state <> :deleted GROUP BY 1 ORDER BY 3 DESC, 1
"""

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


@dataclass(frozen=True, slots=True)
class Usage:
    """`percent` is of the limit that is nearer; None without limits. Quotas are None where there is no limit."""

    address: str
    used_bytes: int
    quota_bytes: int | None
    used_messages: int
    quota_messages: int | None
    percent: float | None


@dataclass(frozen=True, slots=True)
class DomainUsage:
    """`promised_bytes`: what all its accounts may use together; None where one of them has no limit."""

    domain: str
    accounts: int
    used_bytes: int
    used_messages: int
    promised_bytes: int | None


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


def usage(engine: Engine, domain: str | None = None, over_percent: float | None = None) -> tuple[Usage, ...]:
    """Accounts, the fullest first; deleted ones are left out. NotFound for an unknown `domain`."""
    with transaction(engine) as connection:
        if domain is not None:
            domains.require(connection, domain)
        parameters = {"deleted": AccountState.DELETED, "domain": domain, "over": over_percent}
        rows = connection.execute(text(LISTED), parameters)
        return tuple(
            Usage(row.address, row.used_bytes, row.quota_bytes, row.used_messages, row.quota_messages, row.percent)
            for row in rows
        )


def by_domain(engine: Engine) -> tuple[DomainUsage, ...]:
    """Sums of all domains, the largest first."""
    with transaction(engine) as connection:
        return tuple(
            DomainUsage(row.domain, row.accounts, row.used_bytes, row.used_messages, row.promised_bytes)
            for row in connection.execute(text(BY_DOMAIN), {"deleted": AccountState.DELETED})
        )


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
