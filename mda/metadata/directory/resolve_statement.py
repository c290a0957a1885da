"""The SQL that resolves addresses: one statement for any number of them, prepared once per connection.

One row per target, or one without account for an address that has none; each says whether the server is a standby,
whose silence proves nothing. Rows come in order of the address's place.

Every table is asked by equality with its key, once per candidate row: behind LATERAL ... OFFSET 0 no statistics, and
no lack of them, can lead the planner to read a whole domain's addresses or all accounts' mailboxes.
"""

from datetime import datetime
from typing import NamedTuple


class DirectoryRow(NamedTuple):
    """A row of the answer, in the statement's order. Without `is_found` there is no target, and what follows
    `has_addresses` is None."""

    place: int
    is_standby: bool
    is_found: bool
    has_addresses: bool
    """Of the domain, at least one."""
    has_state: bool
    account_id: int
    address: str
    shard_id: int
    replica_shard_id: int | None
    is_enabled: bool
    quota_bytes: int | None
    quota_messages: int | None
    spam_threshold: float | None
    by_base: bool
    """Found without its detail."""
    used_bytes: int
    used_messages: int
    detail_mailbox_id: int | None
    spam_destination: str | None
    user_weights: memoryview | None
    policies: list[str] | None
    """Subject, action, second in Unix time at which it ends (0: never) and pattern of each rule, joined by spaces; the
    nearest first."""
    warn_percent: int | None
    grace_percent: int | None
    warned_at: datetime | None
    domain_quota: list[int | None] | None
    """Of the account's domain: most bytes, most messages, percent of grace, used bytes, used messages, and 1 where
    those were counted lately."""
    modseq: int
    """Of the account."""


# Nearest first: the whole local part, without its detail, the catch-all (whose local part is empty, as is the base of
# an address without detail, which is not asked for).
_CANDIDATES = """
    SELECT account.*, candidate.rank
    FROM (VALUES (1, asked.local_part), (2, asked.base), (3, '')) AS candidate (rank, local_part)
        CROSS JOIN LATERAL (
            SELECT account_id FROM address
            WHERE domain = home.name AND local_part = candidate.local_part OFFSET 0
        ) AS leads_to
        CROSS JOIN LATERAL (
            SELECT id, address, shard_id, replica_shard_id, state, quota_bytes, quota_messages, warn_percent,
                grace_percent, spam_threshold, settings ->> 'spam' AS spam_destination
            FROM account
            WHERE id = leads_to.account_id AND state <> 'deleted' OFFSET 0
        ) AS account
    WHERE candidate.rank <> 2 OR candidate.local_part <> ''
    ORDER BY candidate.rank FETCH FIRST ROW WITH TIES
"""

# Run only for an address that was found without its detail.
_MAILBOX = """
    WITH RECURSIVE walk AS (
        SELECT id, 1 AS depth FROM mailbox
        WHERE account_id = target.id AND parent_id IS NULL AND name = split_part(asked.path, '/', 1)
            AND deleted_at IS NULL
        UNION ALL
        SELECT child.id, walk.depth + 1 FROM walk CROSS JOIN LATERAL (
            SELECT id FROM mailbox
            WHERE account_id = target.id AND parent_id = walk.id AND name = split_part(asked.path, '/', walk.depth + 1)
                AND deleted_at IS NULL OFFSET 0
        ) AS child
    )
    SELECT id FROM walk WHERE depth = cardinality(string_to_array(asked.path, '/'))
"""

# As a sub-select with LIMIT, which unlike EXISTS is never turned into a hash of all addresses.
_ANYBODY = """
    SELECT true FROM address CROSS JOIN LATERAL (
        SELECT FROM account WHERE id = address.account_id AND state <> 'deleted' OFFSET 0
    ) AS account
    WHERE domain = home.name LIMIT 1
"""

# The account's own rules before its domain's before everybody's; IS NULL is a probe of the key like any other.
_POLICIES = """
    SELECT array_agg(
        concat_ws(' ', rule.subject, rule.action,
            CASE WHEN isfinite(rule.expires_at) THEN ceil(extract(epoch FROM rule.expires_at)) ELSE 0 END, rule.pattern)
        ORDER BY rule.rank)
    FROM (
        (SELECT 1 AS rank, subject, action, pattern, expires_at FROM policy WHERE account_id = target.id LIMIT 1000)
        UNION ALL
        (SELECT 2, subject, action, pattern, expires_at FROM policy
            WHERE account_id IS NULL AND domain = home.name LIMIT 1000)
        UNION ALL
        (SELECT 3, subject, action, pattern, expires_at FROM policy
            WHERE account_id IS NULL AND domain IS NULL LIMIT 1000)
    ) AS rule
    WHERE rule.expires_at IS NULL OR rule.expires_at > now()
"""

# An address of one domain may lead to an account of another.
_DOMAIN_QUOTA = """
    SELECT ARRAY[quota_bytes, quota_messages, grace_percent, used_bytes, used_messages,
        (counted_at > now() - interval '10 minutes')::int]
    FROM domain_quota
    WHERE domain = split_part(target.address, '@', -1)
"""

_RESOLVE = f"""
SELECT asked.place, pg_is_in_recovery(), target.id IS NOT NULL,
    CASE WHEN target.id IS NULL THEN coalesce(({_ANYBODY}), false) ELSE true END,
    account_state.account_id IS NOT NULL, target.id, target.address, target.shard_id, target.replica_shard_id,
    target.state = 'active',
    target.quota_bytes, target.quota_messages, coalesce(target.spam_threshold, defaults.spam_threshold),
    target.rank = 2, account_state.bytes, account_state.message_count, CASE WHEN target.rank = 2 THEN ({_MAILBOX}) END,
    coalesce(target.spam_destination, defaults.spam_destination), user_weights.weights,
    CASE WHEN target.id IS NOT NULL THEN ({_POLICIES}) END,
    target.warn_percent, target.grace_percent, account_state.warned_at, ({_DOMAIN_QUOTA}),
    account_state.modseq
FROM unnest($1, $2, $3, $4, $5) AS asked (place, domain, local_part, base, path)
    LEFT JOIN LATERAL (
        SELECT coalesce(alias_of, domain.name) AS name FROM domain WHERE domain.name = asked.domain OFFSET 0
    ) AS home ON true
    LEFT JOIN LATERAL (
        SELECT spam_threshold, settings ->> 'spam' AS spam_destination FROM domain
        WHERE domain.name = home.name OFFSET 0
    ) AS defaults ON true
    LEFT JOIN LATERAL ({_CANDIDATES}) AS target ON true
    LEFT JOIN LATERAL (
        SELECT account_id, bytes, message_count, warned_at, modseq FROM account_state
        WHERE account_id = target.id OFFSET 0
    ) AS account_state ON true
    LEFT JOIN LATERAL (
        SELECT weights FROM user_weights WHERE account_id = target.id OFFSET 0
    ) AS user_weights ON true
ORDER BY asked.place, target.id
"""  # noqa: S608 - made of this file's own text

SESSION = (
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
    f"PREPARE mda_resolve (bigint[], text[], text[], text[], text[]) AS {_RESOLVE}",
)
"""Sent once per connection."""

EXECUTE_RESOLVE = "EXECUTE mda_resolve (%s, %s, %s, %s, %s)"
"""Places, domains, local parts, bases and paths, as array literals."""
