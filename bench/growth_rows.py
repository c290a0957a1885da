"""Fills the tables with rows of millions of messages, as if they had been delivered over years.

What stands there already are the samples: each new message is a copy of one of them (its facts, its place in the
segment), so that rows have the sizes of real mails'; each new account is a copy of the first, in DOMAIN, and its name
a number from 1 on and `a`, by which nobody can tell its place in the tables. Accounts get shares by Zipf's law in an
order of chance, from a few dozen messages to hundreds of thousands, in their INBOX. They come in PASSES, each with a
part of every account's share: so the indexes have been filled in their middle and split, as deliveries do it. The
newest tenth has receipts, as if delivered within the days that receipts are kept. Counters are set to what the rows
are; tables are vacuumed and analysed at the end.
"""

import time
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Engine, text

from mda.metadata.schema.tables import account, account_state, address, content, mailbox

DOMAIN = "more.test"
ACCOUNTS = 50_000
PASSES = 20
RECEIPTS_OF = 10
"""Each message of the newest RECEIPTS_OF-th has a receipt."""

NEW_ACCOUNTS = """
CREATE TEMPORARY TABLE growth_account AS
    SELECT nth AS new_id, row_number() OVER (ORDER BY md5(nth::text)) || 'a' AS new_name
    FROM generate_series(1, :accounts) AS nth;
INSERT INTO domain (name) VALUES (:domain)
"""

_COPIED = (
    (account, {"id": "new_id", "address": f"new_name || '@{DOMAIN}'"}, "id"),
    (address, {"account_id": "new_id", "local_part": "new_name", "domain": f"'{DOMAIN}'"}, "account_id"),
    (account_state, {"account_id": "new_id"}, "account_id"),
    (mailbox, {"account_id": "new_id"}, "account_id"),
)
"""Tables, what is another's in the copy, and the column of the account."""

SAMPLES = """
CREATE TEMPORARY TABLE growth_sample AS
    SELECT row_number() OVER (ORDER BY account_id, id) - 1 AS number, * FROM content;
CREATE TEMPORARY TABLE growth_share AS
    SELECT account_id, mailbox_id, uid_next, modseq, share, (sum(share) OVER (ORDER BY place) - share)::bigint AS before
    FROM (
        SELECT account_id, mailbox.id AS mailbox_id, uid_next, account_state.modseq, place,
            ceil(:messages * power(place, -0.8) / sum(power(place, -0.8)) OVER ())::bigint AS share
        FROM mailbox JOIN account_state USING (account_id)
            JOIN (
                SELECT account_id, row_number() OVER (ORDER BY md5(account_id::text)) AS place FROM account_state
            ) AS chance USING (account_id)
        WHERE role = 'inbox' AND deleted_at IS NULL
    ) AS shares;
ANALYZE growth_sample, growth_share
"""

# Content ids count from 1: those of deliveries are times, and far above.
_NEW = """
    SELECT account_id, mailbox_id, uid_next + nth AS uid, modseq + 1 + nth AS modseq, 1 + before + nth AS content_id,
        now() - interval '3 years' * (1 - nth::float8 / share) AS arrived,
        nth >= share - share / {receipts_of} AS has_receipt, (before + nth) % {samples} AS sample
    FROM growth_share
        CROSS JOIN LATERAL
            generate_series(share * {nth_pass} / {passes}, share * ({nth_pass} + 1) / {passes} - 1) AS nth
"""

_MESSAGES = """
INSERT INTO message (account_id, mailbox_id, uid, content_id, flags, modseq, internal_date)
SELECT account_id, mailbox_id, uid, content_id, CASE WHEN content_id % 5 = 0 THEN 0 ELSE 1 END, modseq, arrived
FROM ({new}) AS new
"""

_CONTENTS = """
INSERT INTO content (account_id, id, received_at, {columns})
SELECT new.account_id, new.content_id, arrived, {columns}
FROM ({new}) AS new JOIN growth_sample ON growth_sample.number = new.sample
"""

_RECEIPTS = """
INSERT INTO receipt (account_id, digest, content_id, mailbox_id, uid, received_at)
SELECT account_id, decode(md5(content_id::text), 'hex'), content_id, mailbox_id, uid, arrived
FROM ({new}) AS new WHERE has_receipt
"""

COUNTERS = (
    """
    UPDATE mailbox SET uid_next = last_uid + 1, message_count = messages, unseen_count = unseen, bytes = octets,
        modseq = last_modseq
    FROM (
        SELECT account_id, mailbox_id, max(uid) AS last_uid, count(*) AS messages, max(message.modseq) AS last_modseq,
            count(*) FILTER (WHERE flags & 1 = 0) AS unseen, sum(delivered_size) AS octets
        FROM message JOIN content USING (account_id) WHERE content.id = message.content_id GROUP BY 1, 2
    ) AS found WHERE (mailbox.account_id, mailbox.id) = (found.account_id, found.mailbox_id)
    """,
    """
    UPDATE account_state SET message_count = messages, bytes = octets, modseq = last_modseq
    FROM (
        SELECT account_id, sum(message_count) AS messages, sum(bytes) AS octets, max(modseq) AS last_modseq
        FROM mailbox GROUP BY 1
    ) AS found WHERE account_state.account_id = found.account_id
    """,
)

WRONG = """
SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM content), (SELECT sum(message_count) FROM mailbox),
    (SELECT sum(message_count) FROM account_state)
"""


def fill(engine: Engine, messages: int, accounts: int = ACCOUNTS) -> float:
    """The seconds that so many rows of messages and new accounts took. ValueError where nothing was delivered yet,
    RuntimeError where counters are wrong."""
    began = time.perf_counter()
    # A connection of its own without the limits of time that our transactions have, and its temporary tables with it.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("statement_timeout = 0", "synchronous_commit = off", "work_mem = '512MB'"):
            connection.execute(text(f"SET {setting}"))
        first = _number(connection, "SELECT min(id) FROM account")
        given = {"messages": messages, "accounts": accounts, "domain": DOMAIN}
        for statement in (*NEW_ACCOUNTS.split(";"), *_copies(first), *SAMPLES.split(";")):
            connection.execute(
                text(statement), {name: value for name, value in given.items() if f":{name}" in statement}
            )
        samples = _number(connection, "SELECT count(*) FROM growth_sample")
        if not samples:
            raise ValueError("no message to copy: deliver some first")
        for nth_pass in range(PASSES):
            for statement in _statements(nth_pass, samples):
                connection.execute(text(statement))
        for statement in COUNTERS:
            connection.execute(text(statement))
        counts = connection.execute(text(WRONG)).one()
    if len(set(map(int, counts))) != 1:
        raise RuntimeError(f"messages, contents, counted by mailbox and by account differ: {tuple(counts)}")
    tidy(engine)
    return time.perf_counter() - began


def tidy(engine: Engine) -> None:
    """Leaves nothing to do for autovacuum and the checkpointer, which would be measured else."""
    at_once(engine, "SET statement_timeout = 0", "VACUUM (ANALYZE)", "CHECKPOINT")


def at_once(engine: Engine, *statements: str) -> str:
    """Each a transaction of its own; what the last one said."""
    said = ""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            result = connection.execute(text(statement))
            said = str(result.scalar_one()) if result.returns_rows else ""
    return said


def _copies(first: int) -> Iterator[str]:
    for table, replaced, key in _COPIED:
        columns = {f'"{column.name}"': replaced.get(column.name, f'"{column.name}"') for column in table.columns}
        yield (
            f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"  # noqa: S608 - ours
            f" FROM {table.name} CROSS JOIN growth_account WHERE {key} = {first}"
        )


def _statements(nth_pass: int, samples: int) -> Sequence[str]:
    new = _NEW.format(nth_pass=nth_pass, passes=PASSES, samples=samples, receipts_of=RECEIPTS_OF)
    columns = ", ".join(
        f'"{column.name}"' for column in content.columns if column.name not in ("account_id", "id", "received_at")
    )
    return [statement.format(new=new, columns=columns) for statement in (_CONTENTS, _MESSAGES, _RECEIPTS)]


def _number(connection: Connection, query: str) -> int:
    return int(connection.execute(text(query)).scalar_one())
