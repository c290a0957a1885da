"""What listings of the directory read: the statements, and a plain value for each row.

Without SQLAlchemy: `mda account list` and its like are answered sooner than that is imported. `:name` stands for a
value (`mda.metadata.postgresql.reading`, and SQLAlchemy's text()).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mda.address import Address
from mda.errors import NotFound
from mda.metadata.directory.nearest import did_you_mean
from mda.metadata.postgresql.reading import Reader
from mda.metadata.schema.words import AccountState

ACCOUNTS = """
SELECT account.id, account.address, account.state, shard.name AS shard, account.quota_bytes, account.quota_messages,
    coalesce(state.bytes, 0) AS used_bytes, coalesce(state.message_count, 0) AS used_messages,
    account.password_hash IS NOT NULL AS has_password, account.created_at
FROM account
    JOIN address ON address.account_id = account.id AND address.kind = 'account'
    JOIN shard ON shard.id = account.shard_id
    LEFT JOIN account_state AS state ON state.account_id = account.id
WHERE (:domain ::text IS NULL OR address.domain = :domain) AND (:state ::text IS NULL OR account.state = :state)
ORDER BY address.domain, address.local_part
"""

DOMAINS = """
SELECT domain.name, domain.alias_of, count(*) FILTER (WHERE address.kind = 'account') AS accounts,
    count(DISTINCT address.local_part) FILTER (WHERE address.kind <> 'account') AS aliases, domain.created_at
FROM domain LEFT JOIN address ON address.domain = domain.name
GROUP BY domain.name, domain.alias_of, domain.created_at ORDER BY domain.name
"""

ALIASES = """
SELECT address.domain, address.local_part, account.address AS target
FROM address JOIN account ON account.id = address.account_id
WHERE address.kind <> 'account' AND (:domain ::text IS NULL OR address.domain = :domain)
ORDER BY address.domain, address.local_part, account.address
"""

ACCOUNT_ID = """
SELECT account_id FROM address
WHERE kind = 'account' AND local_part = :local_part
    AND domain = coalesce((SELECT alias_of FROM domain WHERE name = :domain), :domain)
"""

DOMAIN_NAMES = "SELECT name FROM domain ORDER BY name LIMIT 2000"

USAGE = """
SELECT account.address, account.quota_bytes, account.quota_messages,
    coalesce(state.bytes, 0) AS used_bytes, coalesce(state.message_count, 0) AS used_messages,
    greatest(
        100.0 * state.bytes / nullif(account.quota_bytes, 0),
        100.0 * state.message_count / nullif(account.quota_messages, 0),
        CASE WHEN 0 IN (account.quota_bytes, account.quota_messages) THEN 100 END
    )::float8 AS percent, state.warned_at
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
SELECT used.*, quota.quota_bytes, quota.quota_messages, greatest(
        100.0 * used.used_bytes / nullif(quota_bytes, 0),
        100.0 * used.used_messages / nullif(quota_messages, 0),
        CASE WHEN 0 IN (quota_bytes, quota_messages) THEN 100 END
    )::float8 AS percent, quota.warned_at
FROM (
    SELECT address.domain, count(*) AS accounts, coalesce(sum(state.bytes), 0)::bigint AS used_bytes,
        coalesce(sum(state.message_count), 0)::bigint AS used_messages,
        CASE WHEN count(*) = count(account.quota_bytes)
            THEN least(sum(account.quota_bytes), 9223372036854775807)::bigint END AS promised_bytes
    FROM account
        JOIN address ON address.account_id = account.id AND address.kind = 'account'
        LEFT JOIN account_state AS state ON state.account_id = account.id
    WHERE :domain ::text IS NULL OR address.domain = :domain GROUP BY 1
) AS used LEFT JOIN domain_quota AS quota ON quota.domain = used.domain
"""

LISTED_BY_DOMAIN = f"""
SELECT * FROM ({BY_DOMAIN}) AS found WHERE :over ::float8 IS NULL OR percent >= :over
ORDER BY percent DESC NULLS LAST, used_bytes DESC, domain
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class Account:
    """An account with what it uses. Quotas are None where there is no limit."""

    id: int
    address: str
    state: AccountState
    shard: str
    quota_bytes: int | None
    quota_messages: int | None
    used_bytes: int
    used_messages: int
    has_password: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain; `alias_of` names the domain whose addresses it shares."""

    name: str
    alias_of: str | None
    accounts: int
    aliases: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias (or, with `is_catch_all`, a catch-all written as `@domain`) and the accounts it leads to."""

    address: str
    targets: tuple[str, ...]
    is_catch_all: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """`percent` is of the limit that is nearer; None without limits. Quotas are None where there is no limit."""

    address: str
    used_bytes: int
    quota_bytes: int | None
    used_messages: int
    quota_messages: int | None
    percent: float | None
    warned_at: datetime | None
    """Since when it was seen above its soft limit."""


@dataclass(frozen=True, slots=True)
class DomainUsage:
    """Of all its accounts, deleted ones included until they are purged. `promised_bytes`: what they may use by their
    own quotas; None where one of them has no limit. `percent` is of the domain's own quota."""

    domain: str
    accounts: int
    used_bytes: int
    used_messages: int
    promised_bytes: int | None
    quota_bytes: int | None
    quota_messages: int | None
    percent: float | None
    warned_at: datetime | None


def accounts(reader: Reader, domain: str | None = None, state: AccountState | None = None) -> tuple[Account, ...]:
    """By domain and address; `domain` and `state` narrow them. NotFound for an unknown domain."""
    _require(reader, domain)
    return to_accounts(reader.rows(ACCOUNTS, domain=domain, state=state and state.value))


def domains(reader: Reader) -> tuple[Domain, ...]:
    """By name, with the numbers of their accounts and of their aliases and catch-alls."""
    return tuple(Domain(*row) for row in reader.rows(DOMAINS))


def aliases(reader: Reader, domain: str | None = None) -> tuple[Alias, ...]:
    """Every alias and catch-all, by domain and address. NotFound for an unknown `domain`."""
    _require(reader, domain)
    return to_aliases(reader.rows(ALIASES, domain=domain))


def account_id(reader: Reader, wanted: Address) -> int | None:
    """The account of an address, also through an alias domain; None where there is none."""
    rows = reader.rows(ACCOUNT_ID, domain=wanted.key.domain, local_part=wanted.key.local_part)
    return rows[0].account_id if rows else None


def usage(reader: Reader, domain: str | None = None, over_percent: float | None = None) -> tuple[Usage, ...]:
    """Accounts, the fullest first; deleted ones are left out. NotFound for an unknown `domain`."""
    _require(reader, domain)
    rows = reader.rows(LISTED, deleted=AccountState.DELETED.value, domain=domain, over=over_percent)
    return tuple(Usage(**row._asdict()) for row in rows)


def usage_by_domain(
    reader: Reader, domain: str | None = None, over_percent: float | None = None
) -> tuple[DomainUsage, ...]:
    """Sums of domains, the fullest first, then the largest. NotFound for an unknown `domain`."""
    _require(reader, domain)
    rows = reader.rows(LISTED_BY_DOMAIN, domain=domain, over=over_percent)
    return tuple(DomainUsage(**row._asdict()) for row in rows)


def to_accounts(rows: Iterable[Any]) -> tuple[Account, ...]:
    return tuple(Account(**{**row._asdict(), "state": AccountState(row.state)}) for row in rows)


def to_aliases(rows: Iterable[Any]) -> tuple[Alias, ...]:
    """From rows with the columns of ALIASES, in its order."""
    targets: dict[Address, list[str]] = {}
    for row in rows:
        targets.setdefault(Address(row.local_part, row.domain), []).append(row.target)
    return tuple(Alias(written(key), tuple(found), not key.local_part) for key, found in targets.items())


def written(key: Address) -> str:
    """How an alias is written: `local@domain`, or `@domain` for a catch-all, whose local part is empty."""
    return str(key) if key.local_part else f"@{key.domain}"


def _require(reader: Reader, domain: str | None) -> None:
    if domain is None or reader.rows("SELECT FROM domain WHERE name = :domain", domain=domain):
        return
    known = [row.name for row in reader.rows(DOMAIN_NAMES)]
    raise NotFound(f"no domain {domain}", did_you_mean(domain, known, f"add it: mda domain add {domain}"))
