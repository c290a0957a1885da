"""Accounts: made, found, changed, and deleted in two steps.

`set_state(..., DELETED)` makes an account refuse mail and logins and keeps all it has; `purge` (see `purge`)
takes the rows away. An account's address is kept in the form that `mda.address` compares.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, delete, func, insert, select, text, update

from mda.address import Address
from mda.errors import Conflict, NotFound
from mda.identifiers import IdentifierSource
from mda.metadata.directory import domains, shards
from mda.metadata.directory.domains import AccountDefaults
from mda.metadata.directory.listings import ACCOUNTS, Account, to_accounts
from mda.metadata.directory.nearest import did_you_mean_address
from mda.metadata.mailbox.change import changing
from mda.metadata.mailbox.mailbox_rows import insert_mailbox
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account, account_state, address, shard
from mda.metadata.schema.words import AccountState, AddressKind, Role

__all__ = ["Account", "NewAccount"]

INBOX = "INBOX"
MOST_NAMES_COMPARED = 2000
"""How many addresses of its domain a mistyped one is compared with."""

UID_VALIDITY_SHIFT = 32


class Default(Enum):
    """Stands for what the domain says; None already stands for no limit."""

    OF_DOMAIN = "default"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account is made of. OF_DOMAIN, and a `shard` of None, leave it to the domain's defaults."""

    address: Address
    password_hash: str | None = None
    quota_bytes: int | Default | None = Default.OF_DOMAIN
    quota_messages: int | Default | None = Default.OF_DOMAIN
    shard: str | None = None


def add(engine: Engine, identifiers: IdentifierSource, new: NewAccount) -> Account:
    """A new account with its INBOX; Conflict where the address is taken, NotFound where its domain is unknown."""
    with changing(engine) as connection:
        return add_in(connection, identifiers, new)


def add_in(connection: Connection, identifiers: IdentifierSource, new: NewAccount) -> Account:
    """As `add`, in a transaction that is under way."""
    key = new.address.key
    alias_of = domains.require(connection, key.domain)
    if alias_of is not None:
        own = Address(key.local_part, alias_of)
        raise Conflict(f"{key.domain} is an alias of {alias_of}", f"add {own}: it gets mail for {key} too")
    _require_free(connection, key)
    filled = _filled(new, domains.defaults_in(connection, key.domain))
    account_id = identifiers.next()
    _insert(connection, account_id, filled, shards.pick(connection, filled.shard).id)
    insert_mailbox(connection, account_id, identifiers.next(), None, INBOX, Role.INBOX)
    return _account(connection.execute(_all().where(account.c.id == account_id)).one())


def _filled(new: NewAccount, defaults: AccountDefaults) -> NewAccount:
    return replace(
        new,
        quota_bytes=defaults.quota_bytes if new.quota_bytes is Default.OF_DOMAIN else new.quota_bytes,
        quota_messages=defaults.quota_messages if new.quota_messages is Default.OF_DOMAIN else new.quota_messages,
        shard=new.shard or defaults.shard,
    )


def find(engine: Engine, wanted: Address) -> Account:
    """The account of an address (also through an alias domain); NotFound with the nearest one."""
    with transaction(engine) as connection:
        return require(connection, wanted)


def list_all(engine: Engine, domain: str | None = None, state: AccountState | None = None) -> tuple[Account, ...]:
    """Accounts by domain and address; `domain` and `state` narrow them."""
    with transaction(engine) as connection:
        if domain is not None:
            domains.require(connection, domain)
        rows = connection.execute(text(ACCOUNTS), {"domain": domain, "state": state})
        return to_accounts(rows)


def rename(engine: Engine, old: Address, new: Address, *, keeps_old: bool = False) -> Account:
    """Gives an account another address. With `keeps_old` the old one becomes an alias, else mail to it is refused."""
    with changing(engine) as connection:
        found = require(connection, old)
        if domains.require(connection, new.key.domain) is not None:
            raise Conflict(f"{new.key.domain} is an alias domain", "name an address of the domain behind it")
        _require_free(connection, new.key, besides=found.id)
        own = (address.c.account_id == found.id, address.c.kind == AddressKind.ACCOUNT)
        before = connection.execute(delete(address).where(*own).returning(address.c.domain, address.c.local_part)).one()
        # An alias of the account at its new address would deliver nothing more: the address itself does.
        connection.execute(delete(address).where(*_is(new.key), address.c.account_id == found.id))
        _insert_address(connection, new.key, found.id, AddressKind.ACCOUNT)
        if keeps_old and (before.domain, before.local_part) != (new.key.domain, new.key.local_part):
            _insert_address(connection, Address(before.local_part, before.domain), found.id, AddressKind.ALIAS)
        connection.execute(update(account).where(account.c.id == found.id).values(address=str(new.key)))
        return _account(connection.execute(_all().where(account.c.id == found.id)).one())


def on_shard(engine: Engine, shard_id: int) -> tuple[int, ...]:
    """Ids of the accounts whose mail goes to the shard."""
    with transaction(engine) as connection:
        return tuple(
            connection.scalars(select(account.c.id).where(account.c.shard_id == shard_id).order_by(account.c.id))
        )


def shard_of(engine: Engine, account_id: int) -> int:
    """The shard that the account's mail goes to; 0 where the account is gone."""
    with transaction(engine) as connection:
        return connection.scalar(select(account.c.shard_id).where(account.c.id == account_id)) or 0


def set_shard(engine: Engine, account_id: int, shard_id: int) -> None:
    """Mail that comes from now on goes to that shard; look-ups of a moment ago may still lead to the one before."""
    with transaction(engine) as connection:
        connection.execute(update(account).where(account.c.id == account_id).values(shard_id=shard_id))


def addresses_of(engine: Engine, account_ids: Sequence[int]) -> dict[int, str]:
    """The addresses of those accounts that there are."""
    with transaction(engine) as connection:
        rows = connection.execute(select(account.c.id, account.c.address).where(account.c.id.in_(account_ids)))
        return {row.id: row.address for row in rows}


def set_state(engine: Engine, wanted: Address, state: AccountState) -> Account:
    """Enables, disables or marks an account as deleted; the account as it was before."""
    with changing(engine) as connection:
        found = require(connection, wanted)
        connection.execute(update(account).where(account.c.id == found.id).values(state=state))
        return found


def set_password(engine: Engine, wanted: Address, password_hash: str) -> Account:
    """Replaces the password's hash (a PHC string)."""
    with changing(engine) as connection:
        found = require(connection, wanted)
        connection.execute(update(account).where(account.c.id == found.id).values(password_hash=password_hash))
        return found


def set_quota(engine: Engine, wanted: Address, **limits: int | None) -> Account:
    """Sets `quota_bytes` and `quota_messages`, those that are given; None takes a limit away."""
    with changing(engine) as connection:
        found = require(connection, wanted)
        if limits:
            connection.execute(update(account).where(account.c.id == found.id).values(limits))
        return _account(connection.execute(_all().where(account.c.id == found.id)).one())


def require(connection: Connection, wanted: Address) -> Account:
    """As `find`, in a transaction that is under way."""
    key = wanted.key
    own = Address(key.local_part, domains.real_name(connection, key.domain))
    row = connection.execute(_all().where(*_is(own))).one_or_none()
    if row is not None:
        return _account(row)
    domains.require(connection, key.domain)
    raise NotFound(f"no account {key}", _remedy(connection, own))


def _all() -> Select[Any]:
    joined = (
        account.join(address, (address.c.account_id == account.c.id) & (address.c.kind == AddressKind.ACCOUNT))
        .join(shard, shard.c.id == account.c.shard_id)
        .outerjoin(account_state, account_state.c.account_id == account.c.id)
    )
    return select(
        account.c.id,
        account.c.address,
        account.c.state,
        shard.c.name.label("shard"),
        account.c.quota_bytes,
        account.c.quota_messages,
        func.coalesce(account_state.c.bytes, 0).label("used_bytes"),
        func.coalesce(account_state.c.message_count, 0).label("used_messages"),
        account.c.password_hash.is_not(None).label("has_password"),
        account.c.created_at,
    ).select_from(joined)


def _account(row: Row[Any]) -> Account:
    fields = row._asdict()
    return Account(**{**fields, "state": AccountState(fields["state"])})


def _is(key: Address) -> Sequence[Any]:
    return (address.c.domain == key.domain, address.c.local_part == key.local_part)


def _require_free(connection: Connection, key: Address, besides: int | None = None) -> None:
    statement = select(address.c.kind, account.c.address, account.c.state).join(account).where(*_is(key))
    if besides is not None:
        statement = statement.where(account.c.id != besides)
    taken = connection.execute(statement.limit(1)).one_or_none()
    if taken is None:
        return
    if taken.kind != AddressKind.ACCOUNT:
        raise Conflict(f"{key} is an alias of {taken.address}", f"remove it first: mda alias remove {key}")
    if taken.state == AccountState.DELETED:
        raise Conflict(f"account {key} is deleted but not purged", f"mda account enable {key}, or delete --purge it")
    raise Conflict(f"account {key} exists", "choose another address")


def _insert(connection: Connection, account_id: int, new: NewAccount, shard_id: int) -> None:
    key = new.address.key
    connection.execute(
        insert(account).values(
            id=account_id,
            address=str(key),
            password_hash=new.password_hash,
            shard_id=shard_id,
            quota_bytes=new.quota_bytes,
            quota_messages=new.quota_messages,
        )
    )
    _insert_address(connection, key, account_id, AddressKind.ACCOUNT)
    # From the account's id, not from 1: an address that is purged and added again must not hand out a UIDVALIDITY
    # under which a client still keeps other mail (RFC 9051 s2.3.1.1). It fits in 32 bits until 2089.
    first = account_id >> UID_VALIDITY_SHIFT
    connection.execute(insert(account_state).values(account_id=account_id, next_uid_validity=first))


def _insert_address(connection: Connection, key: Address, account_id: int, kind: AddressKind) -> None:
    values = {"domain": key.domain, "local_part": key.local_part, "account_id": account_id, "kind": kind}
    connection.execute(insert(address).values(values))


def _remedy(connection: Connection, key: Address) -> str:
    alias_of = connection.scalar(select(account.c.address).join(address).where(*_is(key)).limit(1))
    if alias_of is not None:
        return f"{key} is an alias of {alias_of}"
    length = func.length(address.c.local_part)
    near = (
        select(address.c.local_part)
        .where(address.c.kind == AddressKind.ACCOUNT, address.c.domain == key.domain)
        .where(length.between(len(key.local_part) - 2, len(key.local_part) + 2))
        .limit(MOST_NAMES_COMPARED)
    )
    return did_you_mean_address(key, connection.scalars(near), f"add it: mda account add {key}")
