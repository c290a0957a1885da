"""Aliases: addresses that stand for one or more accounts, and catch-alls, which stand for all of a domain's others.

An alias leads to accounts of this store only; mail for addresses elsewhere is Postfix's to forward. A catch-all is
written `@domain` and kept with an empty local part.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select

from mda import address as addresses
from mda.address import Address
from mda.errors import Conflict, InvalidValue, NotFound
from mda.metadata.directory import accounts, domains
from mda.metadata.directory.listings import Alias, to_aliases, written
from mda.metadata.directory.nearest import did_you_mean_address
from mda.metadata.mailbox.change import changing
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account, address
from mda.metadata.schema.words import AddressKind

MOST_NAMES_COMPARED = 2000


def parse(text: str) -> Address:
    """`local@domain`, or `@domain` for a catch-all (its local part is empty)."""
    if text.startswith("@"):
        return Address("", addresses.domain_key(text[1:]))
    parsed = addresses.parse(text)
    if not parsed.local_part:
        raise InvalidValue(f"{text} has an empty local part", f"write a catch-all as @{parsed.domain}")
    return parsed


def add(engine: Engine, alias: Address, targets: Sequence[Address]) -> Alias:
    """Makes an alias or adds targets to it; Conflict where the address is an account's own."""
    with changing(engine) as connection:
        return add_in(connection, alias, targets)


def add_in(connection: Connection, alias: Address, targets: Sequence[Address]) -> Alias:
    """As `add`, in a transaction that is under way."""
    key = alias.key
    kind = AddressKind.ALIAS if key.local_part else AddressKind.CATCHALL
    beyond = domains.require(connection, key.domain)
    if beyond is not None:
        raise Conflict(
            f"{key.domain} is an alias of {beyond}", f"add it there: mda alias add {key.local_part}@{beyond}"
        )
    _require_no_account(connection, key)
    present = set(connection.scalars(select(address.c.account_id).where(*_is(key))))
    for target in dict.fromkeys(accounts.require(connection, one).id for one in targets):
        if target not in present:
            values = {"domain": key.domain, "local_part": key.local_part, "account_id": target, "kind": kind}
            connection.execute(insert(address).values(values))
    return _read(connection, *_is(key))[0]


def list_all(engine: Engine, domain: str | None = None) -> tuple[Alias, ...]:
    """Every alias and catch-all, by domain and address."""
    with transaction(engine) as connection:
        if domain is None:
            return _read(connection)
        domains.require(connection, domain)
        return _read(connection, address.c.domain == domain)


def remove(engine: Engine, alias: Address, targets: Sequence[Address] = ()) -> Alias | None:
    """Takes targets from an alias, all of them when none is named; what is left of it, or None."""
    key = alias.key
    with changing(engine) as connection:
        found = _read(connection, *_is(key))
        if not found:
            raise _no_alias(connection, key)
        statement = delete(address).where(*_is(key), address.c.kind != AddressKind.ACCOUNT)
        if targets:
            wanted = [accounts.require(connection, target) for target in targets]
            strange = next((one.address for one in wanted if one.address not in found[0].targets), None)
            if strange is not None:
                raise NotFound(
                    f"{written(key)} does not lead to {strange}", f"it leads to {', '.join(found[0].targets)}"
                )
            statement = statement.where(address.c.account_id.in_([one.id for one in wanted]))
        connection.execute(statement)
        return next(iter(_read(connection, *_is(key))), None)


def _read(connection: Connection, *conditions: Any) -> tuple[Alias, ...]:
    statement = (
        select(address.c.domain, address.c.local_part, account.c.address.label("target"))
        .join(account, account.c.id == address.c.account_id)
        .where(address.c.kind != AddressKind.ACCOUNT, *conditions)
        .order_by(address.c.domain, address.c.local_part, account.c.address)
    )
    return to_aliases(connection.execute(statement))


def _is(key: Address) -> Sequence[Any]:
    return (address.c.domain == key.domain, address.c.local_part == key.local_part)


def _require_no_account(connection: Connection, key: Address) -> None:
    kind = select(address.c.kind).where(*_is(key), address.c.kind == AddressKind.ACCOUNT)
    if connection.scalar(kind) is not None:
        raise Conflict(f"{key} is an account", "an address is either an account or an alias: choose another one")


def _no_alias(connection: Connection, key: Address) -> NotFound:
    otherwise = "list them with: mda alias list"
    if not key.local_part:
        return NotFound(f"no alias {written(key)}", otherwise)
    near = select(address.c.local_part).where(address.c.domain == key.domain, address.c.kind == AddressKind.ALIAS)
    known = connection.scalars(near.distinct().limit(MOST_NAMES_COMPARED))
    return NotFound(f"no alias {key}", did_you_mean_address(key, known, otherwise))
