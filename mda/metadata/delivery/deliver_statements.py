"""The SQL of the delivery lane: the lock and the store, prepared once per connection.

LOCK and STORE go to the server in one message without BEGIN: PostgreSQL makes them one transaction and commits it at
the end of the message. They are two statements because in READ COMMITTED a statement's snapshot is older than the
wait for its locks: a receipt committed by whom we waited for is visible only to the statement after. What LOCK has
locked is handed on in a transaction-local setting.
"""

from collections.abc import Mapping, Sequence

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

_LOCK_LONE = """
SELECT set_config('{setting}', coalesce(
    (SELECT account_id::text FROM account_state WHERE account_id = $1 FOR UPDATE SKIP LOCKED), ''
), true)
"""

PREPARE_LOCK = "PREPARE mda_lock (bigint[]) AS" + _LOCK.format(setting=LOCKED, wait=" SKIP LOCKED")
PREPARE_LOCK_LONE = "PREPARE mda_lock_lone (bigint) AS" + _LOCK_LONE.format(setting=LOCKED)
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
"""Name and type; of a batch an array each, all of its length."""

REPLICA_PARAMETERS = (
    ("replica_shard_id", "bigint"),
    ("replica_segment", "bigint"),
    ("replica_offset", "bigint"),
    ("replica_length", "bigint"),
)
"""Behind those, of a batch in which something has a second record; null for what has none."""

_NOT_OF_CONTENT = ("mailbox_id", "role", "receipt", "internal_date", "flags")
_LOOKED_UP_BY = ("account_id", "mailbox_id", "role", "receipt")

# A store is three parts, of which the middle one depends on whether an account may be in the batch twice. What is
# written is taken out of the arrays by its place (a {name} below), so that no row is carried from part to part: for a
# few deliveries, to make rows of twenty arrays and to join them again takes a tenth of the statement. Each element is
# found by a walk along its array: a square of the batch, which costs a tenth at ROWS_AT_ONCE and nothing below 200. A
# lone delivery has no arrays.

# What is looked up by comes as columns: as elements of arrays they lost the role's index to one without the role.
# Receipts are looked up behind an OFFSET 0 (never a join that reads all of them), and for a batch the setting is read
# in a sub-select, or the planner reads it while it is empty and plans for one row. The account is locked since before
# this statement's snapshot, so its modseq can be read ahead of the update.
_AIMED = """
WITH found AS MATERIALIZED (
    SELECT place::integer AS place, incoming.account_id, earlier.content_id AS known_content_id,
        earlier.mailbox_id AS known_mailbox_id, earlier.uid AS known_uid,
        (SELECT modseq FROM account_state WHERE account_state.account_id = incoming.account_id) AS modseq_before,
        coalesce(
            (SELECT CASE WHEN deleted_at IS NULL THEN id END FROM mailbox
                WHERE mailbox.account_id = incoming.account_id AND id = incoming.mailbox_id),
            (SELECT id FROM mailbox
                WHERE mailbox.account_id = incoming.account_id AND mailbox.role = incoming.role AND deleted_at IS NULL)
        ) AS aimed_mailbox_id
    FROM {incoming} ({looked_up_by_names}, place)
        LEFT JOIN LATERAL (
            SELECT content_id, mailbox_id, uid FROM receipt
            WHERE receipt.account_id = incoming.account_id AND digest = incoming.receipt OFFSET 0
        ) AS earlier ON true
    WHERE {is_locked}
), known AS NOT MATERIALIZED (
    SELECT place, account_id, known_content_id AS content_id, known_mailbox_id AS mailbox_id, known_uid AS uid
    FROM found WHERE known_content_id IS NOT NULL
), aimed AS NOT MATERIALIZED (
    SELECT place, account_id, aimed_mailbox_id AS mailbox_id, modseq_before FROM found WHERE known_content_id IS NULL
), """

_IS_LOCKED = """incoming.account_id = ANY (
        (SELECT string_to_array(current_setting('{setting}'), ',')::bigint[])::bigint[]
    )"""
_IS_LOCKED_LONE = "incoming.account_id::text = current_setting('{setting}')"

# Both update the account by what was placed, not by what was aimed at: of a mailbox that somebody deletes at this
# moment without the account's lock, nothing is counted.
_PLACED_EACH = """placed AS MATERIALIZED (
    UPDATE mailbox SET uid_next = uid_next + 1, message_count = message_count + 1,
        unseen_count = unseen_count + CASE WHEN {flags} & 1 = 0 THEN 1 ELSE 0 END, bytes = bytes + {delivered_size},
        modseq = modseq_before + 1
    FROM aimed WHERE (mailbox.account_id, mailbox.id) = (aimed.account_id, aimed.mailbox_id)
    RETURNING place, mailbox.account_id, mailbox.id AS mailbox_id, uid_next - 1 AS uid, modseq, name, uid_validity
), usage AS (
    UPDATE account_state SET modseq = placed.modseq, bytes = bytes + {delivered_size}, message_count = message_count + 1
    FROM placed WHERE account_state.account_id = placed.account_id
), """

_PLACED_IN_ORDER = """numbered AS MATERIALIZED (
    SELECT place, account_id, mailbox_id, modseq_before + row_number() OVER (PARTITION BY account_id ORDER BY place)
        AS modseq
    FROM aimed WHERE mailbox_id IS NOT NULL
), counted AS (
    UPDATE mailbox SET uid_next = uid_next + added.messages, message_count = message_count + added.messages,
        unseen_count = unseen_count + added.unseen, bytes = bytes + added.octets, modseq = added.last_modseq
    FROM (SELECT account_id, mailbox_id, count(*) AS messages, count(*) FILTER (WHERE {flags} & 1 = 0) AS unseen,
            sum({delivered_size}) AS octets, max(modseq) AS last_modseq,
            array_agg(place ORDER BY place) AS places, array_agg(modseq ORDER BY place) AS modseqs
        FROM numbered GROUP BY 1, 2) AS added
    WHERE (mailbox.account_id, mailbox.id) = (added.account_id, added.mailbox_id)
    RETURNING mailbox.account_id, mailbox.id AS mailbox_id, mailbox.name, mailbox.uid_validity,
        mailbox.uid_next - added.messages - 1 AS uid_before, places, modseqs
), placed AS MATERIALIZED (
    -- Carried in arrays: the planner takes a join of these few rows for a nested loop, a square of the batch.
    SELECT place, account_id, mailbox_id, uid_before + nth AS uid, added.modseq, name, uid_validity
    FROM counted CROSS JOIN LATERAL unnest(places, modseqs) WITH ORDINALITY AS added (place, modseq, nth)
), usage AS (
    UPDATE account_state SET modseq = added.last_modseq, bytes = bytes + added.octets,
        message_count = message_count + added.messages
    FROM (SELECT account_id, count(*) AS messages, sum({delivered_size}) AS octets, max(modseq) AS last_modseq
        FROM placed GROUP BY 1) AS added
    WHERE account_state.account_id = added.account_id
), """

_WRITTEN = """new_content AS (
    INSERT INTO content ({content_columns}) SELECT {content_values} FROM placed
), new_message AS (
    INSERT INTO message (account_id, mailbox_id, uid, content_id, flags, modseq, internal_date)
    SELECT account_id, mailbox_id, uid, {content_id}, {flags}, modseq, {internal_date} FROM placed
), new_receipt AS (
    INSERT INTO receipt (account_id, digest, content_id, mailbox_id, uid, received_at)
    SELECT account_id, {receipt}, {content_id}, mailbox_id, uid, {received_at} FROM placed WHERE {receipt} IS NOT NULL
)
SELECT place, mailbox_id, name, uid, uid_validity, modseq, {content_id} AS content_id, false AS is_duplicate
FROM placed
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

_NEW_REPLICA = """new_replica AS (
    INSERT INTO replica (account_id, content_id, shard_id, segment, "offset", length)
    SELECT account_id, {content_id}, {replica_shard_id}, {replica_segment}, {replica_offset}, {replica_length}
    FROM placed WHERE {replica_shard_id} IS NOT NULL
), """


def _prepare_store(name: str, parameters: Sequence[tuple[str, str]], placed: str) -> str:
    """For a batch, whose parameters are arrays."""
    arrays = {parameter: f"${number}" for number, (parameter, _) in enumerate(parameters, 1)}
    values = {parameter: f"({array})[place]" for parameter, array in arrays.items()} | {"account_id": "account_id"}
    incoming = f"unnest({', '.join(arrays[parameter] for parameter in _LOOKED_UP_BY)}) WITH ORDINALITY AS incoming"
    types = ", ".join(f"{kind}[]" for _, kind in parameters)
    return f"PREPARE {name} ({types}) AS{_body(placed, incoming, _IS_LOCKED, values)}"


def _prepare_store_lone(name: str) -> str:
    """For one delivery, whose parameters are values: no array is read, no element looked for."""
    values = {parameter: f"${number}" for number, (parameter, _) in enumerate(PARAMETERS, 1)}
    incoming = f"(VALUES ({', '.join(values[parameter] for parameter in _LOOKED_UP_BY)}, 1)) AS incoming"
    types = ", ".join(kind for _, kind in PARAMETERS)
    return f"PREPARE {name} ({types}) AS{_body(_PLACED_EACH, incoming, _IS_LOCKED_LONE, values)}"


def _body(placed: str, incoming: str, is_locked: str, values: Mapping[str, str]) -> str:
    """`incoming`: a row for each delivery, of _LOOKED_UP_BY and its place; `values`: parameters by that place."""
    content = [parameter for parameter, _ in PARAMETERS if parameter not in _NOT_OF_CONTENT]
    return (_AIMED + placed + _WRITTEN).format(
        incoming=incoming,
        is_locked=is_locked.format(setting=LOCKED),
        looked_up_by_names=", ".join(_LOOKED_UP_BY),
        content_columns=", ".join("id" if column == "content_id" else f'"{column}"' for column in content),
        content_values=", ".join(values[column] for column in content),
        **values,
    )


PREPARE_STORE_LONE = _prepare_store_lone("mda_store_lone")
"""For one delivery: it takes a sixth less than the plain one, and most mail that Postfix brings is alone."""

PREPARE_STORE_PLAIN = _prepare_store("mda_store_plain", PARAMETERS, _PLACED_EACH)
"""For a batch in which no account is twice, as nearly all are: it neither numbers nor groups. It does not check."""

PREPARE_STORE = _prepare_store("mda_store", PARAMETERS, _PLACED_IN_ORDER)
PREPARE_STORE_TWICE = _prepare_store(
    "mda_store_twice", PARAMETERS + REPLICA_PARAMETERS, _PLACED_IN_ORDER + _NEW_REPLICA
)

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
    PREPARE_LOCK_LONE,
    PREPARE_LOCK_WAITING,
    PREPARE_STORE_LONE,
    PREPARE_STORE_PLAIN,
    PREPARE_STORE,
    PREPARE_STORE_TWICE,
)
"""Sent once per connection."""

# With the literals of `delivery_literals`.
EXECUTE_LOCK_LONE = "EXECUTE mda_lock_lone (%d)"
EXECUTE_STORE_LONE = "EXECUTE mda_store_lone (%s)"
EXECUTE_LOCK = "EXECUTE mda_lock (%s)"
EXECUTE_LOCK_IMPATIENT = f"SET LOCAL lock_timeout = {IMPATIENT_MILLISECONDS}; EXECUTE mda_lock (%s)"
EXECUTE_LOCK_WAITING = "SELECT set_config('lock_timeout', '%s', true); EXECUTE mda_lock_waiting (%s)"
EXECUTE_STORE_PLAIN = "EXECUTE mda_store_plain (%s)"
EXECUTE_STORE = "EXECUTE mda_store (%s)"
EXECUTE_STORE_TWICE = "EXECUTE mda_store_twice (%s)"
