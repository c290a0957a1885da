"""The SQL of the delivery lane: the lock and the store, prepared once per connection.

LOCK and STORE go to the server in one message without BEGIN: PostgreSQL makes them one transaction and commits it at
the end of the message. They are two statements because in READ COMMITTED a statement's snapshot is older than the
wait for its locks: a receipt committed by whom we waited for is visible only to the statement after. What LOCK has
locked is handed on in a transaction-local setting.
"""

from collections.abc import Sequence

LOCKED = "mda.locked"
"""Name of the setting: ids of the locked accounts, separated by commas."""

LOCK_MILLISECONDS = 1000
"""For locks behind the accounts' own, which nobody who obeys the order (see `mailbox.change`) can hold: a mailbox
that somebody has at hand in psql, a table that is rewritten. To wait for those would hold up the whole batch."""

IMPATIENT_MILLISECONDS = 50

# Locked in order of the key, whatever the order of the batch: without it, busy accounts deadlock.
_LOCK = """
SELECT set_config('{setting}', coalesce(string_agg(account_id::text, ','), ''), true)
FROM (SELECT account_id FROM account_state WHERE account_id = ANY ($1) ORDER BY account_id FOR UPDATE{wait}) AS held
"""

PREPARE_LOCK = "PREPARE mda_lock (bigint[]) AS" + _LOCK.format(setting=LOCKED, wait=" SKIP LOCKED")
PREPARE_LOCK_WAITING = "PREPARE mda_lock_waiting (bigint[]) AS" + _LOCK.format(setting=LOCKED, wait="")

PARAMETERS = (
    ("account_id", "bigint"),
    ("content_id", "bigint"),
    ("mailbox_id", "bigint"),
    ("role", "text"),
    ("receipt", "bytea"),
    ("internal_date", "timestamptz"),
    ("flags", "integer"),
    ("shard_id", "bigint"),
    ("segment", "bigint"),
    ("offset", "bigint"),
    ("length", "bigint"),
    ("size", "bigint"),
    ("delivered_size", "bigint"),
    ("digest", "bytea"),
    ("facts", "bytea"),
    ("thread_id", "bigint"),
    ("message_id_hash", "bigint"),
    ("sent_at", "timestamptz"),
    ("has_attachment", "boolean"),
    ("spam_score", "real"),
    ("received_at", "timestamptz"),
)
"""One array each, all of the batch's length: name and type of the element."""

REPLICA_PARAMETERS = (
    ("replica_shard_id", "bigint"),
    ("replica_segment", "bigint"),
    ("replica_offset", "bigint"),
    ("replica_length", "bigint"),
)
"""Behind those, of a batch in which something has a second record; null for what has none."""

_NOT_OF_CONTENT = ("mailbox_id", "role", "receipt", "internal_date", "flags")

_STORE = """
WITH held AS MATERIALIZED (
    SELECT id::bigint AS account_id
    FROM unnest(string_to_array((SELECT current_setting('{setting}')), ',')) AS locked (id)
), incoming AS MATERIALIZED (
    SELECT incoming.*
    FROM unnest({arrays}) WITH ORDINALITY AS incoming ({names}, place) JOIN held USING (account_id)
), known AS MATERIALIZED (
    SELECT incoming.place, earlier.*
    FROM incoming CROSS JOIN LATERAL (
        SELECT * FROM receipt WHERE receipt.account_id = incoming.account_id AND digest = incoming.receipt OFFSET 0
    ) AS earlier
), aimed AS MATERIALIZED (
    -- The account is locked since before this statement's snapshot, so its modseq can be read ahead of the update.
    SELECT place, account_id, delivered_size, flags,
        (SELECT modseq FROM account_state WHERE account_state.account_id = incoming.account_id) AS modseq_before,
        coalesce(
            (SELECT CASE WHEN deleted_at IS NULL THEN id END FROM mailbox
                WHERE mailbox.account_id = incoming.account_id AND id = incoming.mailbox_id),
            (SELECT id FROM mailbox
                WHERE mailbox.account_id = incoming.account_id AND mailbox.role = incoming.role AND deleted_at IS NULL)
        ) AS mailbox_id
    FROM incoming WHERE NOT EXISTS (SELECT FROM known WHERE known.place = incoming.place)
), numbered AS MATERIALIZED (
    SELECT place, account_id, mailbox_id, delivered_size, flags,
        modseq_before + row_number() OVER (PARTITION BY account_id ORDER BY place) AS modseq
    FROM aimed WHERE mailbox_id IS NOT NULL
), usage AS (
    UPDATE account_state SET modseq = modseq + added.messages, bytes = bytes + added.octets,
        message_count = message_count + added.messages
    FROM (SELECT account_id, count(*) AS messages, sum(delivered_size) AS octets FROM numbered GROUP BY 1) AS added
    WHERE account_state.account_id = added.account_id
), counted AS (
    UPDATE mailbox SET uid_next = uid_next + added.messages, message_count = message_count + added.messages,
        unseen_count = unseen_count + added.unseen, bytes = bytes + added.octets, modseq = added.last_modseq
    FROM (SELECT account_id, mailbox_id, count(*) AS messages, count(*) FILTER (WHERE flags & 1 = 0) AS unseen,
            sum(delivered_size) AS octets, max(modseq) AS last_modseq,
            array_agg(place ORDER BY place) AS places, array_agg(modseq ORDER BY place) AS modseqs
        FROM numbered GROUP BY 1, 2) AS added
    WHERE (mailbox.account_id, mailbox.id) = (added.account_id, added.mailbox_id)
    RETURNING mailbox.account_id, mailbox.id AS mailbox_id, mailbox.name, mailbox.uid_validity,
        mailbox.uid_next - added.messages - 1 AS uid_before, places, modseqs
), placed AS MATERIALIZED (
    -- Carried in arrays: the planner takes a join of these few rows for a nested loop, a square of the batch.
    SELECT place, account_id, mailbox_id, uid_before + nth AS uid, added.modseq, name, uid_validity
    FROM counted CROSS JOIN LATERAL unnest(places, modseqs) WITH ORDINALITY AS added (place, modseq, nth)
), new_content AS (
    INSERT INTO content ({content_columns})
    SELECT {content_values} FROM incoming JOIN placed USING (place, account_id)
), new_message AS (
    INSERT INTO message (account_id, mailbox_id, uid, content_id, flags, modseq, internal_date)
    SELECT account_id, placed.mailbox_id, uid, content_id, flags, modseq, internal_date
    FROM incoming JOIN placed USING (place, account_id)
), new_receipt AS (
    INSERT INTO receipt (account_id, digest, content_id, mailbox_id, uid, received_at)
    SELECT account_id, receipt, content_id, placed.mailbox_id, uid, received_at
    FROM incoming JOIN placed USING (place, account_id) WHERE receipt IS NOT NULL
){new_replica}
SELECT place, placed.mailbox_id, name, uid, uid_validity, modseq, content_id, false AS is_duplicate
FROM placed JOIN incoming USING (place, account_id)
UNION ALL
SELECT place, known.mailbox_id, coalesce(name, ''), known.uid, coalesce(uid_validity, 0), coalesce(message.modseq, 0),
    known.content_id, true
FROM known
    LEFT JOIN mailbox ON (mailbox.account_id, mailbox.id) = (known.account_id, known.mailbox_id)
    LEFT JOIN message ON (message.account_id, message.mailbox_id, message.uid)
        = (known.account_id, known.mailbox_id, known.uid)
UNION ALL
SELECT place, NULL, NULL, NULL, NULL, NULL, NULL, false FROM aimed WHERE mailbox_id IS NULL
"""


_NEW_REPLICA = """, new_replica AS (
    INSERT INTO replica (account_id, content_id, shard_id, segment, "offset", length)
    SELECT account_id, content_id, replica_shard_id, replica_segment, replica_offset, replica_length
    FROM incoming JOIN placed USING (place, account_id) WHERE replica_shard_id IS NOT NULL
)"""


def _quoted(name: str) -> str:
    return f'"{name}"'


def _prepare_store(name: str, parameters: Sequence[tuple[str, str]], new_replica: str = "") -> str:
    content = [name for name, _ in PARAMETERS if name not in _NOT_OF_CONTENT]
    arrays = [f"${number}" for number in range(1, len(parameters) + 1)]
    values = [f"incoming.{_quoted(name)}" for name in content]
    body = _STORE.format(
        setting=LOCKED,
        arrays=", ".join(arrays),
        names=", ".join(_quoted(name) for name, _ in parameters),
        content_columns=", ".join("id" if name == "content_id" else _quoted(name) for name in content),
        content_values=", ".join(values),
        new_replica=new_replica,
    )
    types = ", ".join(f"{kind}[]" for _, kind in parameters)
    return f"PREPARE {name} ({types}) AS{body}"


PREPARE_STORE = _prepare_store("mda_store", PARAMETERS)
PREPARE_STORE_TWICE = _prepare_store("mda_store_twice", PARAMETERS + REPLICA_PARAMETERS, _NEW_REPLICA)

# Receipts are looked up behind an OFFSET 0 (never a join that reads all of them), and the setting is read in a
# sub-select, or the planner reads it while it is empty and plans for one row.
REFUSE_FORGETFUL = """
DO $$ BEGIN
    IF 'off' IN (current_setting('fsync'), current_setting('full_page_writes')) THEN
        RAISE 'fsync or full_page_writes is off: a crash would lose mail that was accepted';
    END IF;
END $$
"""
"""Asked by each connection: the server may have been down, or another, when the service began."""

SESSION = (
    REFUSE_FORGETFUL,
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
    f"SET lock_timeout = {LOCK_MILLISECONDS}",
    "SET standard_conforming_strings = on",
    PREPARE_LOCK,
    PREPARE_LOCK_WAITING,
    PREPARE_STORE,
    PREPARE_STORE_TWICE,
)
"""Sent once per connection."""

# Each %s is a quoted literal.
EXECUTE_LOCK = "EXECUTE mda_lock (%s)"
EXECUTE_LOCK_IMPATIENT = f"SET LOCAL lock_timeout = {IMPATIENT_MILLISECONDS}; EXECUTE mda_lock (%s)"
EXECUTE_LOCK_WAITING = "SELECT set_config('lock_timeout', %s, true); EXECUTE mda_lock_waiting (%s)"
EXECUTE_STORE = f"EXECUTE mda_store ({', '.join(['%s'] * len(PARAMETERS))})"
EXECUTE_STORE_TWICE = f"EXECUTE mda_store_twice ({', '.join(['%s'] * len(PARAMETERS + REPLICA_PARAMETERS))})"
