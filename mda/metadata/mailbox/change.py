"""One transaction of an admin's change, and the lock that an account's changes begin with.

Deliveries, the IMAP server and the admin lock `account_state` before anything else of an account, so that counters,
UIDs and modseq are handed out by one at a time and nobody waits in a circle.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Engine, select, update
from sqlalchemy.exc import IntegrityError

from mda.errors import Conflict, NotFound
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account_state


@contextmanager
def changing(engine: Engine, *, is_rehearsal: bool = False) -> Iterator[Connection]:
    """A transaction; what somebody else has changed at the same moment ends it as Conflict. A rehearsal is refused
    where the change would be, and changes nothing."""
    try:
        with transaction(engine) as connection:
            yield connection
            if is_rehearsal:
                connection.rollback()
    except IntegrityError as error:
        raise Conflict("somebody else changed the same thing at this moment", "look at it and try again") from error


@dataclass(frozen=True, slots=True)
class Counters:
    """An account's row of `account_state`, locked until the transaction ends."""

    modseq: int
    bytes: int
    message_count: int
    next_uid_validity: int


def lock(connection: Connection, account_id: int) -> Counters:
    """Locks the account for the rest of the transaction; NotFound where it is being purged."""
    table = account_state.c
    columns = (table.modseq, table.bytes, table.message_count, table.next_uid_validity)
    row = connection.execute(select(*columns).where(table.account_id == account_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("the account is gone", "list accounts with: mda account list")
    return Counters(*row)


def next_modseq(connection: Connection, account_id: int) -> int:
    """The modseq of this change (RFC 7162 s3.1)."""
    counter = account_state.c.modseq
    return _advance(connection, account_id, counter) + 1


def next_uid_validity(connection: Connection, account_id: int) -> int:
    """A UIDVALIDITY that no mailbox of the account has or had (RFC 9051 s2.3.1.1)."""
    return _advance(connection, account_id, account_state.c.next_uid_validity)


def _advance(connection: Connection, account_id: int, counter: Column[int]) -> int:
    """Adds one; the value before."""
    statement = (
        update(account_state)
        .where(account_state.c.account_id == account_id)
        .values({counter: counter + 1})
        .returning(counter - 1)
    )
    return connection.scalars(statement).one()


def use(connection: Connection, account_id: int, octets: int, messages: int) -> None:
    """Adds to what the account uses; negative for what leaves it."""
    table = account_state.c
    values = {table.bytes: table.bytes + octets, table.message_count: table.message_count + messages}
    connection.execute(update(account_state).where(table.account_id == account_id).values(values))
