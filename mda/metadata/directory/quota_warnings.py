"""Who has reached the soft limit of a quota, and the warnings that are to be written of it.

`account_state.warned_at` says that an account is above its soft limit, since when it was seen there. It changes with
what a delivery has noticed (`Notice`), under the account's lock and by its counters: set together with the warning that
is to be written, cleared when the account was seen below. So each crossing makes one row of `quota_warning`, whoever
notices it, and however often. The row is `forget`-ted when the mail is in the INBOX; the mail's receipt is made of the
row's key, so that writing it again after a crash adds nothing.

What nobody noticed (a crash before `settle`, an import, a quota that was lowered) is found by `sweep`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from mda import quota
from mda.metadata.postgresql.engine import transaction

SWEEP_TASK = 0x6D64_615F_7175_6F74
"""Id of the row in `task` that says when the next sweep is due: "mda_quot"."""

SWEEP_SECONDS = 3600
PORTION_ACCOUNTS = 5000
LEFT_SECONDS = 10
"""A warning so old is not in the hands of whoever noted it any more."""

LOCKED = """
SELECT state.account_id, account.quota_bytes, account.quota_messages, account.warn_percent,
    state.bytes AS used_bytes, state.message_count AS used_messages, state.warned_at
FROM account_state AS state JOIN account ON account.id = state.account_id
WHERE state.account_id = :account_id FOR UPDATE OF state
"""

SET = "UPDATE account_state SET warned_at = clock_timestamp() WHERE account_id = :account_id RETURNING warned_at"
CLEAR = "UPDATE account_state SET warned_at = NULL WHERE account_id = :account_id"

WARN = """
INSERT INTO quota_warning (account_id, crossed_at, used_bytes, used_messages, quota_bytes, quota_messages)
VALUES (:account_id, :crossed_at, :used_bytes, :used_messages, :quota_bytes, :quota_messages)
"""

PENDING = """
SELECT account.id AS account_id, account.address, account.shard_id, account.replica_shard_id, warning.crossed_at,
    warning.domain, warning.used_bytes, warning.used_messages, warning.quota_bytes, warning.quota_messages
FROM quota_warning AS warning JOIN account ON account.id = warning.account_id
WHERE account.state = 'active'
    AND (warning.account_id = ANY (:mine) OR crossed_at < now() - make_interval(secs => :seconds))
ORDER BY crossed_at LIMIT 1000
"""

FORGET = """
DELETE FROM quota_warning WHERE account_id = :account_id AND crossed_at = :crossed_at AND domain = :domain
"""

TURN = """
INSERT INTO task (id, kind, run_at) VALUES (:id, 'quota_sweep', now() + make_interval(secs => :seconds))
ON CONFLICT (id) DO UPDATE SET run_at = excluded.run_at WHERE task.run_at <= now() RETURNING id
"""

# Roughly: who really is above its soft limit is for `settle` to say, by the locked row.
PORTION = """
SELECT max(portion.id) AS last, array_agg(portion.id) FILTER (WHERE (state.warned_at IS NOT NULL) <> coalesce(
    percent > 0 AND (quota_bytes > 0 AND 100.0 * state.bytes >= quota_bytes::numeric * percent
        OR quota_messages > 0 AND 100.0 * state.message_count >= quota_messages::numeric * percent), false)) AS found
FROM (SELECT id, quota_bytes, quota_messages, coalesce(warn_percent, :warn_percent) AS percent
    FROM account WHERE id > :last ORDER BY id LIMIT :portion) AS portion
    LEFT JOIN account_state AS state ON state.account_id = portion.id
"""


@dataclass(frozen=True, slots=True)
class Notice:
    """An account that looks as if it had crossed its soft limit. `below_since`: the `warned_at` beside which it was
    seen below that limit; None where it was not."""

    account_id: int
    below_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class QuotaWarning:
    """One mail that is to be written: to whom, and how things stood. `domain` is empty for the account's own quota."""

    account_id: int
    address: str
    shard_id: int
    replica_shard_id: int | None
    crossed_at: datetime
    domain: str
    used_bytes: int
    used_messages: int
    quota_bytes: int | None
    quota_messages: int | None


@dataclass(frozen=True, slots=True)
class _Locked:
    account_id: int
    quota_bytes: int | None
    quota_messages: int | None
    warn_percent: int | None
    used_bytes: int
    used_messages: int
    warned_at: datetime | None


def settle(engine: Engine, notices: Iterable[Notice], warn_percent: int) -> tuple[int, ...]:
    """Ids of the accounts of which there is a warning to be written now. `warn_percent` is for those that set none."""
    crossed = []
    for notice in notices:
        with transaction(engine) as connection:
            if _settle(connection, notice, warn_percent):
                crossed.append(notice.account_id)
    return tuple(crossed)


def pending(engine: Engine, mine: Iterable[int] = ()) -> tuple[QuotaWarning, ...]:
    """Warnings of `mine`, and those that somebody else has left behind. Not of disabled accounts, whose wait."""
    with transaction(engine) as connection:
        rows = connection.execute(text(PENDING), {"mine": list(mine), "seconds": LEFT_SECONDS})
        return tuple(QuotaWarning(**row._mapping) for row in rows)


def forget(engine: Engine, warning: QuotaWarning) -> None:
    """It is written."""
    key = {"account_id": warning.account_id, "crossed_at": warning.crossed_at, "domain": warning.domain}
    with transaction(engine) as connection:
        connection.execute(text(FORGET), key)


def sweep(engine: Engine, warn_percent: int) -> Iterator[Notice]:
    """Accounts whose `warned_at` does not go with what they use, once in SWEEP_SECONDS for whoever asks first."""
    with transaction(engine) as connection:
        if connection.scalar(text(TURN), {"id": SWEEP_TASK, "seconds": SWEEP_SECONDS}) is None:
            return
    last: int | None = 0
    while last is not None:
        asked = {"last": last, "portion": PORTION_ACCOUNTS, "warn_percent": warn_percent}
        with transaction(engine) as connection:
            row = connection.execute(text(PORTION), asked).one()
        yield from (Notice(account_id) for account_id in row.found or ())
        last = row.last


def _settle(connection: Connection, notice: Notice, warn_percent: int) -> bool:
    row = connection.execute(text(LOCKED), {"account_id": notice.account_id}).one_or_none()
    if row is None:  # purged meanwhile
        return False
    found = _Locked(**row._mapping)
    percent = warn_percent if found.warn_percent is None else found.warn_percent
    is_reached = quota.is_reached(found, percent)
    was_below = found.warned_at is None or found.warned_at == notice.below_since
    key = {"account_id": found.account_id}
    if is_reached and was_below:
        crossed_at = connection.scalar(text(SET), key)
        used = {"used_bytes": found.used_bytes, "used_messages": found.used_messages}
        limits = {"quota_bytes": found.quota_bytes, "quota_messages": found.quota_messages}
        connection.execute(text(WARN), {**key, **used, **limits, "crossed_at": crossed_at})
        return True
    if not is_reached and found.warned_at is not None:
        connection.execute(text(CLEAR), key)
    return False
