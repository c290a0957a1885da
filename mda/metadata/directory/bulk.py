"""Many accounts or aliases at once: each row is added, found to be there already, or refused, and none stops others.

Rows go in batches, each one transaction with a savepoint a row, so that an interrupted import can be run again: what
is there already is left alone. A rehearsal (`is_rehearsal`) does the very same and rolls each batch back; what rows
of earlier batches would have made is remembered.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError

from mda.address import Address
from mda.errors import MdaError
from mda.identifiers import IdentifierSource
from mda.metadata.directory import accounts, aliases
from mda.metadata.directory.accounts import NewAccount
from mda.metadata.directory.listings import written
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account, address
from mda.metadata.schema.words import AccountState, AddressKind

BATCH_ROWS = 200

New = TypeVar("New")


class Result(StrEnum):
    """PRESENT: just so, or as an account of that address with whatever it has."""

    ADDED = "added"
    PRESENT = "present"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class NewAlias:
    """An alias and the accounts that it shall lead to, among others."""

    address: Address
    targets: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one row; `reason` says why it was refused."""

    address: str
    result: Result
    reason: str = ""


def add_accounts(
    engine: Engine, identifiers: IdentifierSource, rows: Iterable[NewAccount], *, is_rehearsal: bool = False
) -> Iterator[Outcome]:
    """One outcome a row, in order; DatabaseUnavailable where a batch breaks off (earlier ones are kept)."""
    rehearsed: set[Address] = set()

    def add(connection: Connection, new: NewAccount) -> Result:
        key = new.address.key
        if key in rehearsed or _is_account(connection, key):
            return Result.PRESENT
        accounts.add_in(connection, identifiers, new)
        if is_rehearsal:
            rehearsed.add(key)
        return Result.ADDED

    yield from _in_batches(engine, rows, add, lambda new: str(new.address.key), is_rehearsal=is_rehearsal)


def add_aliases(engine: Engine, rows: Iterable[NewAlias], *, is_rehearsal: bool = False) -> Iterator[Outcome]:
    """As `add_accounts`."""
    rehearsed: dict[Address, set[int]] = {}

    def add(connection: Connection, new: NewAlias) -> Result:
        key = new.address.key
        wanted = {accounts.require(connection, target).id for target in new.targets}
        if wanted <= _targets(connection, key) | rehearsed.get(key, set()):
            return Result.PRESENT
        aliases.add_in(connection, new.address, new.targets)
        if is_rehearsal:
            rehearsed.setdefault(key, set()).update(wanted)
        return Result.ADDED

    yield from _in_batches(engine, rows, add, lambda new: written(new.address.key), is_rehearsal=is_rehearsal)


def _in_batches(
    engine: Engine,
    rows: Iterable[New],
    add: Callable[[Connection, New], Result],
    name: Callable[[New], str],
    *,
    is_rehearsal: bool,
) -> Iterator[Outcome]:
    pending = iter(rows)
    while batch := tuple(islice(pending, BATCH_ROWS)):
        with transaction(engine) as connection:
            outcomes = [_one(connection, row, add, name(row)) for row in batch]
            if is_rehearsal:
                connection.rollback()
        # Told only now: what is said to be added is committed.
        yield from outcomes


def _one(connection: Connection, row: New, add: Callable[[Connection, New], Result], name: str) -> Outcome:
    try:
        with connection.begin_nested():
            return Outcome(name, add(connection, row))
    except IntegrityError:
        return Outcome(name, Result.REFUSED, "somebody else added it at this moment; run the import again")
    except MdaError as error:
        return Outcome(name, Result.REFUSED, str(error))


def _is_account(connection: Connection, key: Address) -> bool:
    statement = (
        select(account.c.id)
        .join(address, address.c.account_id == account.c.id)
        .where(address.c.domain == key.domain, address.c.local_part == key.local_part)
        .where(address.c.kind == AddressKind.ACCOUNT, account.c.state != AccountState.DELETED)
    )
    return connection.scalar(statement) is not None


def _targets(connection: Connection, key: Address) -> set[int]:
    statement = select(address.c.account_id).where(
        address.c.domain == key.domain, address.c.local_part == key.local_part, address.c.kind != AddressKind.ACCOUNT
    )
    return set(connection.scalars(statement))
