"""What must hold among an account's rows: counters equal the rows, UIDs below UIDNEXT, every message has its content.

`wrong_accounts` names accounts to look at by one pass over all rows, without locks: what changes meanwhile may be named
too. `examine` then looks at one account with its lock held, and with `repairs` mends what can be mended from the rows
themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Connection, Engine, text, update

from mda.errors import NotFound
from mda.metadata.mailbox.change import changing, lock
from mda.metadata.mailbox.relocation import expunge_uids
from mda.metadata.postgresql.engine import MILLISECONDS, transaction
from mda.metadata.schema.tables import expunged

# Sums of every mailbox, from the rows. A `deleted` mailbox has none.
_SUMS = """
    SELECT mailbox.account_id, mailbox.id, mailbox.name, mailbox.message_count, mailbox.unseen_count, mailbox.bytes,
        mailbox.uid_next, mailbox.modseq, found.*
    FROM mailbox CROSS JOIN LATERAL (
        SELECT count(*) AS messages, count(*) FILTER (WHERE flags & 1 = 0) AS unseen,
            coalesce(sum(content.delivered_size), 0)::bigint AS octets,
            greatest(max(uid), (SELECT max(uid) FROM expunged
                WHERE (expunged.account_id, expunged.mailbox_id) = (mailbox.account_id, mailbox.id)), 0) AS last_uid,
            coalesce(max(message.modseq), 0) AS last_modseq
        FROM message LEFT JOIN content ON (content.account_id, content.id) = (message.account_id, message.content_id)
        WHERE (message.account_id, message.mailbox_id) = (mailbox.account_id, mailbox.id)
    ) AS found
"""

_IS_WRONG = """
    (message_count, unseen_count, bytes) <> (messages, unseen, octets) OR uid_next <= last_uid OR modseq < last_modseq
"""

_WRONG_STATE = """
    SELECT account_state.account_id, bytes, message_count, modseq, octets, messages, last_modseq
    FROM account_state LEFT JOIN LATERAL (
        SELECT coalesce(sum(message_count), 0)::bigint AS messages, coalesce(sum(mailbox.bytes), 0)::bigint AS octets,
            coalesce(max(mailbox.modseq), 0) AS last_modseq
        FROM mailbox WHERE mailbox.account_id = account_state.account_id
    ) AS found ON true
    WHERE {only} ((account_state.bytes, message_count) <> (octets, messages) OR modseq < last_modseq)
"""

_TWICE = """
    SELECT account_id, mailbox_id, content_id, min(uid) AS first_uid, array_agg(uid ORDER BY uid) AS uids
    FROM message {where} GROUP BY account_id, mailbox_id, content_id, internal_date HAVING count(*) > 1
"""

_WITHOUT_CONTENT = """
    SELECT message.account_id, message.content_id FROM message LEFT JOIN content
        ON (content.account_id, content.id) = (message.account_id, message.content_id)
    WHERE content.id IS NULL
"""

_UNREFERENCED = """
    SELECT content.account_id, content.id FROM content
    WHERE NOT EXISTS (SELECT FROM message WHERE (message.account_id, content_id) = (content.account_id, content.id))
        AND NOT EXISTS (SELECT FROM expunged WHERE (expunged.account_id, content_id) = (content.account_id, content.id))
        AND NOT EXISTS (SELECT FROM purged WHERE purged.account_id = content.account_id
            AND content_id IN (0, content.id))
"""


class Wrong(Enum):
    """What does not add up."""

    COUNTER = "wrong counter"
    UID = "wrong UID"
    DUPLICATE = "duplicated row"


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """One thing that does not hold in an account, and whether it has been mended."""

    account_id: int
    wrong: Wrong
    what: str
    is_repaired: bool


def wrong_accounts(engine: Engine) -> tuple[int, ...]:
    """Accounts whose rows may not add up, in order."""
    accounts: set[int] = set()
    with transaction(engine.execution_options(**{MILLISECONDS: "0"})) as connection:
        for statement in (f"SELECT account_id FROM ({_SUMS}) AS sums WHERE {_IS_WRONG}", _WRONG_STATE.format(only="")):  # noqa: S608
            accounts |= {row[0] for row in connection.execute(text(statement))}
        accounts |= {row[0] for row in connection.execute(text(_TWICE.format(where="")))}
    return tuple(sorted(accounts))


def messages_without_content(engine: Engine) -> frozenset[tuple[int, int]]:
    """Account and content ids of messages that have lost theirs."""
    return _keys(engine, _WITHOUT_CONTENT)


def unreferenced_contents(engine: Engine) -> frozenset[tuple[int, int]]:
    """Account and content ids of what lies in no mailbox, was expunged from none, and is not purged."""
    return _keys(engine, _UNREFERENCED)


def examine(engine: Engine, account_id: int, *, repairs: bool) -> tuple[Inconsistency, ...]:
    """What is wrong in one account; nothing where it is gone."""
    try:
        with changing(engine) as connection:
            lock(connection, account_id)
            # Duplicates first: their removal changes what the counters must be.
            found = [*_duplicates(connection, account_id, repairs), *_mailboxes(connection, account_id, repairs)]
            return (*found, *_state(connection, account_id, repairs))
    except NotFound:
        return ()


def _mailboxes(connection: Connection, account_id: int, repairs: bool) -> Sequence[Inconsistency]:
    statement = f"SELECT * FROM ({_SUMS} WHERE mailbox.account_id = :account) AS sums WHERE {_IS_WRONG}"  # noqa: S608
    found = []
    for row in connection.execute(text(statement), {"account": account_id}).all():
        kept, real = (row.message_count, row.unseen_count, row.bytes), (row.messages, row.unseen, row.octets)
        if kept != real or row.modseq < row.last_modseq:
            what = f"mailbox {row.name}: {_counts(*kept)} instead of {_counts(*real)}"
            found.append(Inconsistency(account_id, Wrong.COUNTER, what, repairs))
        if row.uid_next <= row.last_uid:
            what = f"mailbox {row.name}: UIDNEXT {row.uid_next} is not above UID {row.last_uid}"
            found.append(Inconsistency(account_id, Wrong.UID, what, repairs))
        if repairs:
            connection.execute(
                text(
                    "UPDATE mailbox SET message_count = :messages, unseen_count = :unseen, bytes = :octets,"
                    " uid_next = greatest(uid_next, :uid_next), modseq = greatest(modseq, :modseq)"
                    " WHERE (account_id, id) = (:account, :mailbox)"
                ),
                {
                    "messages": row.messages,
                    "unseen": row.unseen,
                    "octets": row.octets,
                    "uid_next": row.last_uid + 1,
                    "modseq": row.last_modseq,
                    "account": account_id,
                    "mailbox": row.id,
                },
            )
    return found


def _state(connection: Connection, account_id: int, repairs: bool) -> Sequence[Inconsistency]:
    statement = _WRONG_STATE.format(only="account_state.account_id = :account AND")
    row = connection.execute(text(statement), {"account": account_id}).one_or_none()
    if row is None:
        return ()
    if repairs:
        connection.execute(
            text(
                "UPDATE account_state SET bytes = :octets, message_count = :messages,"
                " modseq = greatest(modseq, :modseq) WHERE account_id = :account"
            ),
            {"octets": row.octets, "messages": row.messages, "modseq": row.last_modseq, "account": account_id},
        )
    what = f"account: {row.message_count} messages of {row.bytes} octets instead of {row.messages} of {row.octets}"
    return (Inconsistency(account_id, Wrong.COUNTER, what, repairs),)


def _duplicates(connection: Connection, account_id: int, repairs: bool) -> Sequence[Inconsistency]:
    """The same content twice in a mailbox, of the same date: the lowest UID is kept."""
    found = []
    statement = _TWICE.format(where="WHERE account_id = :account")
    for row in connection.execute(text(statement), {"account": account_id}).all():
        found.append(
            Inconsistency(
                account_id, Wrong.DUPLICATE, f"one message under UIDs {', '.join(map(str, row.uids))}", repairs
            )
        )
        if repairs:
            extra = list(row.uids[1:])
            expunge_uids(connection, account_id, row.mailbox_id, extra)
            # The message is still there: undelete must not bring the copy back.
            is_extra = (expunged.c.account_id == account_id, expunged.c.mailbox_id == row.mailbox_id)
            connection.execute(update(expunged).where(*is_extra, expunged.c.uid.in_(extra)).values(is_moved=True))
    return found


def _counts(messages: int, unseen: int, octets: int) -> str:
    return f"{messages} messages, {unseen} unseen, {octets} octets"


def _keys(engine: Engine, statement: str) -> frozenset[tuple[int, int]]:
    with transaction(engine.execution_options(**{MILLISECONDS: "0"})) as connection:
        return frozenset((row[0], row[1]) for row in connection.execute(text(statement)))
