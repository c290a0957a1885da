"""Quotas of whole domains: set, shown, and what their accounts use together, counted now and then.

A delivery writes nothing of its domain, so that deliveries of one domain never wait for each other: the sum of its
accounts' counters, each of which is exact, is taken every `period_seconds`, or in COUNTING_SHARE of the time where that
takes long. What arrives between two counts can go beyond the quota. Whoever counts holds the domain's row, so that of
several workers one does. A domain that reaches its soft limit has a warning noted for its postmaster.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects.postgresql import insert as upsert

from mda import quota
from mda.errors import Conflict
from mda.metadata.directory import domains
from mda.metadata.directory.quotas import Standing
from mda.metadata.mailbox.change import changing
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import domain_quota

COUNTING_SHARE = 0.05

DUE = """
SELECT domain FROM domain_quota
WHERE domain > :last AND (quota_bytes IS NOT NULL OR quota_messages IS NOT NULL)
    AND coalesce(counted_at < now() - make_interval(secs => greatest(:period, counting_seconds / :share)), true)
ORDER BY domain FOR UPDATE SKIP LOCKED LIMIT 1
"""

COUNTED = """
SELECT asked.domain AS name, quota_bytes, quota_messages, warn_percent, grace_percent,
    coalesce(used.bytes, 0)::bigint AS used_bytes, coalesce(used.messages, 0)::bigint AS used_messages, warned_at
FROM (VALUES (:domain ::text)) AS asked (domain) LEFT JOIN domain_quota AS quota ON quota.domain = asked.domain
    CROSS JOIN LATERAL (
        SELECT sum(bytes) AS bytes, sum(message_count) AS messages
        FROM address JOIN account_state ON account_state.account_id = address.account_id
        WHERE address.domain = asked.domain AND address.kind = 'account'
    ) AS used
"""

NOTE = """
UPDATE domain_quota SET used_bytes = :used_bytes, used_messages = :used_messages, counted_at = now(),
    counting_seconds = :seconds, warned_at = CASE WHEN :is_reached THEN coalesce(warned_at, now()) END
WHERE domain = :domain RETURNING warned_at
"""

# As mail to postmaster would go: to whom the address leads, else to the catch-all.
WARN = """
INSERT INTO quota_warning (account_id, crossed_at, domain, used_bytes, used_messages, quota_bytes, quota_messages)
SELECT account_id, :crossed_at, :domain, :used_bytes, :used_messages, :quota_bytes, :quota_messages
FROM (SELECT account_id, local_part FROM address WHERE domain = :domain AND local_part IN ('postmaster', '')
    ORDER BY local_part DESC FETCH FIRST ROW WITH TIES) AS told
"""

FORGET = """
DELETE FROM domain_quota WHERE domain = :domain
    AND num_nonnulls(quota_bytes, quota_messages, warn_percent, grace_percent) = 0
"""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A domain that has just reached its soft limit. `told`: accounts whose INBOX gets the warning."""

    standing: Standing
    told: int


def change(engine: Engine, name: str, changed: Mapping[str, int | None]) -> Standing:
    """How a domain stands, counted now, after setting those of `quota_bytes`, `quota_messages`, `warn_percent` and
    `grace_percent` that are given. NotFound for an unknown domain, Conflict for another name of one."""
    with changing(engine) as connection:
        alias_of = domains.require(connection, name)
        if alias_of is not None:
            raise Conflict(f"{name} is an alias of {alias_of}, and has no accounts of its own", f"name {alias_of}")
        if changed:
            # Counted at the next look, however long ago that was.
            fresh = upsert(domain_quota).values(domain=name, **changed)
            connection.execute(
                fresh.on_conflict_do_update(index_elements=["domain"], set_={**changed, "counted_at": None})
            )
            connection.execute(text(FORGET), {"domain": name})
        return _counted(connection, name)


def count_due(engine: Engine, period_seconds: float, warn_percent: int) -> tuple[Crossing, ...]:
    """Counts the domains whose time has come; those that have reached their soft limit by it. `warn_percent` is for
    those that set none."""
    crossings: list[Crossing] = []
    last = ""
    while True:
        with transaction(engine) as connection:
            asked = {"last": last, "period": period_seconds, "share": COUNTING_SHARE}
            due = connection.scalar(text(DUE), asked)
            if due is None:
                return tuple(crossings)
            last = due
            if crossing := _count(connection, due, warn_percent):
                crossings.append(crossing)


def _count(connection: Connection, name: str, warn_percent: int) -> Crossing | None:
    began = time.monotonic()
    found = _counted(connection, name)
    used = {"domain": name, "used_bytes": found.used_bytes, "used_messages": found.used_messages}
    percent = warn_percent if found.warn_percent is None else found.warn_percent
    seen = {"seconds": time.monotonic() - began, "is_reached": quota.is_reached(found, percent)}
    warned_at = connection.scalar(text(NOTE), used | seen)
    if warned_at is None or found.warned_at is not None:
        return None
    limits = {"quota_bytes": found.quota_bytes, "quota_messages": found.quota_messages}
    return Crossing(found, connection.execute(text(WARN), used | limits | {"crossed_at": warned_at}).rowcount)


def _counted(connection: Connection, name: str) -> Standing:
    row = connection.execute(text(COUNTED), {"domain": name}).one()
    return Standing(**row._mapping)
