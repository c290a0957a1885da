"""The domains that mail is taken for, and those that are other names of one (alias domains).

Names are kept as `mda.address.domain_key` gives them. An alias domain has no addresses of its own, and never leads
to another alias domain.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from mda import address as addresses
from mda.errors import Conflict, NotFound
from mda.metadata.directory import shards
from mda.metadata.directory.listings import DOMAINS, Domain
from mda.metadata.directory.nearest import did_you_mean
from mda.metadata.mailbox.change import changing
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import address, domain, policy
from mda.metadata.schema.words import AddressKind

ACCOUNT = "account"
"""Key in a domain's settings: the defaults of its accounts."""

MOST_NAMES_COMPARED = 5000
"""How many domains a mistyped name is compared with."""


@dataclass(frozen=True, slots=True)
class AccountDefaults:
    """What a domain's new accounts get where nothing else is said. None: no limit, a shard drawn by weight."""

    quota_bytes: int | None = None
    quota_messages: int | None = None
    shard: str | None = None


def add(engine: Engine, name: str) -> str:
    """Takes mail for a domain from now on; Conflict where it is known. Its name in the directory's form."""
    key = addresses.domain_key(name)
    with changing(engine) as connection:
        found = _alias_of(connection, key)
        if found is not None:
            raise Conflict(f"domain {key} exists" + (f" as an alias of {found[0]}" if found[0] else ""))
        connection.execute(insert(domain).values(name=key))
    return key


def add_alias(engine: Engine, name: str, target: str) -> str:
    """Makes `name` another name of `target`: new, or a domain without addresses and without aliases of its own."""
    key, target_key = addresses.domain_key(name), addresses.domain_key(target)
    with changing(engine) as connection:
        if key == target_key:
            raise Conflict(f"domain {key} can't be an alias of itself")
        beyond = require(connection, target_key)
        if beyond is not None:
            raise Conflict(f"domain {target_key} is an alias itself", f"make {key} an alias of {beyond}")
        _require_unused(connection, key, "become an alias")
        if _alias_of(connection, key) is None:
            connection.execute(insert(domain).values(name=key, alias_of=target_key))
        else:
            connection.execute(update(domain).where(domain.c.name == key).values(alias_of=target_key))
    return key


def list_all(engine: Engine) -> tuple[Domain, ...]:
    """Every domain, by name, with the numbers of its accounts and of its aliases and catch-alls."""
    with transaction(engine) as connection:
        return tuple(Domain(*row) for row in connection.execute(text(DOMAINS)))


@dataclass(frozen=True, slots=True)
class Removed:
    """What went with a domain."""

    name: str
    aliases: int
    rules: int


def remove(engine: Engine, name: str, *, is_rehearsal: bool = False) -> Removed:
    """Takes no more mail for a domain. Its aliases and policy go with it; Conflict while it has accounts."""
    key = addresses.domain_key(name)
    with changing(engine, is_rehearsal=is_rehearsal) as connection:
        require(connection, key)
        _require_unused(connection, key, "be removed", AddressKind.ACCOUNT)
        aliases, rules = (
            connection.execute(delete(table).where(table.c.domain == key)).rowcount for table in (address, policy)
        )
        connection.execute(delete(domain).where(domain.c.name == key))
    return Removed(key, aliases, rules)


def defaults(engine: Engine, name: str, **changed: int | str | None) -> AccountDefaults:
    """What accounts of a domain are made with, after setting those of `quota_bytes`, `quota_messages` and `shard` that
    are given; None takes one away. Accounts that are there stay as they are. NotFound for an unknown domain or shard.
    """
    key = addresses.domain_key(name)
    with changing(engine) as connection:
        alias_of = require(connection, key)
        if alias_of is not None:
            raise Conflict(f"{key} is an alias of {alias_of}, and has no accounts of its own", f"name {alias_of}")
        if changed:
            if isinstance(changed.get("shard"), str):
                shards.pick(connection, str(changed["shard"]))
            row = connection.execute(select(domain.c.settings).where(domain.c.name == key).with_for_update()).one()
            merged = {**row.settings.get(ACCOUNT, {}), **changed}
            kept = {name: value for name, value in merged.items() if value is not None}
            connection.execute(
                update(domain).where(domain.c.name == key).values(settings={**row.settings, ACCOUNT: kept})
            )
        return defaults_in(connection, key)


def defaults_in(connection: Connection, key: str) -> AccountDefaults:
    """As `defaults`, read in a transaction that is under way."""
    found = connection.scalar(select(domain.c.settings).where(domain.c.name == key)) or {}
    return AccountDefaults(**found.get(ACCOUNT, {}))


def require(connection: Connection, key: str) -> str | None:
    """What a domain is an alias of (None: it stands for itself); NotFound with the nearest name where it is none."""
    found = _alias_of(connection, key, is_locked=True)
    if found is None:
        known = connection.scalars(select(domain.c.name).order_by(domain.c.name).limit(MOST_NAMES_COMPARED))
        raise NotFound(f"no domain {key}", did_you_mean(key, known, f"add it: mda domain add {key}"))
    return found[0]


def real_name(connection: Connection, key: str) -> str:
    """The domain that holds the addresses: `key` itself or what it is an alias of; `key` for an unknown one."""
    found = _alias_of(connection, key)
    return found[0] if found and found[0] else key


def _alias_of(connection: Connection, key: str, *, is_locked: bool = False) -> tuple[str | None] | None:
    """The row's alias_of, in a tuple; None without a row. A locked row is not removed while we add to the domain."""
    statement = select(domain.c.alias_of).where(domain.c.name == key)
    row = connection.execute(statement.with_for_update(key_share=True) if is_locked else statement).one_or_none()
    return (row.alias_of,) if row else None


def _require_unused(connection: Connection, key: str, purpose: str, kind: AddressKind | None = None) -> None:
    counted = select(func.count()).select_from(address).where(address.c.domain == key)
    count = connection.scalar(counted.where(address.c.kind == kind) if kind else counted)
    if count:
        what = "accounts" if kind else "addresses"
        remedy = "purge deleted accounts too: mda account delete --purge" if kind else "remove them first"
        raise Conflict(f"domain {key} has {count} {what} and can't {purpose}", remedy)
    other = connection.scalar(select(domain.c.name).where(domain.c.alias_of == key).limit(1))
    if other is not None:
        raise Conflict(f"domain {other} is an alias of {key}, which can't {purpose}", f"mda domain remove {other}")
