"""The SQL that resolves addresses: set-based, one statement for any number of them.

One row per target, or one without account for an address that has none; each says whether the server is a standby,
whose silence proves nothing. Rows come in order of the address's place.
"""

RESOLVE = """
WITH RECURSIVE asked AS (
    SELECT asked.*, coalesce(domain.alias_of, domain.name) AS home
    FROM unnest(CAST(:places AS bigint[]), CAST(:domains AS text[]), CAST(:local_parts AS text[]),
            CAST(:bases AS text[]), CAST(:paths AS text[])) AS asked (place, domain, local_part, base, path)
        LEFT JOIN domain ON domain.name = asked.domain
), found AS (
    -- Nearest first: the whole local part, without detail, the catch-all (whose local part is empty, as is the base
    -- of an address without detail, so that asks for nothing else).
    SELECT asked.place, asked.path, account.*, nearest.rank,
        min(nearest.rank) OVER (PARTITION BY asked.place) AS best
    FROM asked
        CROSS JOIN LATERAL (
            SELECT address.account_id, CASE address.local_part
                WHEN asked.local_part THEN 1 WHEN '' THEN 3 ELSE 2 END AS rank
            FROM address
            WHERE address.domain = asked.home AND address.local_part IN (asked.local_part, asked.base, '')
        ) AS nearest
        JOIN account ON account.id = nearest.account_id AND account.state <> 'deleted'
), target AS (
    SELECT found.*, CASE WHEN rank = 2 THEN string_to_array(path, '/') END AS names FROM found WHERE rank = best
), walk AS (
    SELECT target.place, target.id AS account_id, mailbox.id AS mailbox_id, 1 AS depth, target.names
    FROM target JOIN mailbox ON mailbox.account_id = target.id AND mailbox.parent_id IS NULL
        AND mailbox.name = target.names[1] AND mailbox.deleted_at IS NULL
    UNION ALL
    SELECT walk.place, walk.account_id, mailbox.id, walk.depth + 1, walk.names
    FROM walk JOIN mailbox ON mailbox.account_id = walk.account_id AND mailbox.parent_id = walk.mailbox_id
        AND mailbox.name = walk.names[walk.depth + 1] AND mailbox.deleted_at IS NULL
)
SELECT asked.place, pg_is_in_recovery() AS is_standby,
    target.id IS NULL AND EXISTS (
        SELECT FROM address JOIN account ON account.id = address.account_id
        WHERE address.domain = asked.home AND account.state <> 'deleted'
    ) AS has_addresses,
    target.id AS account_id, target.address, target.shard_id, target.state = 'active' AS is_enabled,
    target.quota_bytes, target.quota_messages, target.spam_threshold, target.rank = 2 AS by_base,
    account_state.bytes AS used_bytes, account_state.message_count AS used_messages,
    walk.mailbox_id AS detail_mailbox_id
FROM asked
    LEFT JOIN target ON target.place = asked.place
    LEFT JOIN account_state ON account_state.account_id = target.id
    LEFT JOIN walk ON walk.place = asked.place AND walk.account_id = target.id
        AND walk.depth = cardinality(walk.names)
ORDER BY asked.place, target.id
"""
