"""Replicas: which accounts have a second shard, and where their bodies lie there.

A replica's row is worth nothing without its content's: who reads it joins both.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, delete, exists, select, text, update

from mda.errors import Conflict
from mda.metadata.mailbox.change import changing
from mda.metadata.mailbox.places import Key, Place, arrays_of
from mda.metadata.postgresql.engine import MILLISECONDS, transaction
from mda.metadata.schema.tables import account, content, replica

_NOTE = text(
    'INSERT INTO replica (account_id, content_id, shard_id, segment, "offset", length)'
    " SELECT made.account_id, made.content_id, :shard, made.segment, made.place, made.length"
    " FROM unnest(CAST(:accounts AS bigint[]), CAST(:contents AS bigint[]), CAST(:segments AS bigint[]),"
    " CAST(:offsets AS bigint[]), CAST(:lengths AS bigint[]))"
    " AS made (account_id, content_id, segment, place, length)"
    " JOIN content ON (content.account_id, content.id) = (made.account_id, made.content_id)"
    " ON CONFLICT (account_id, content_id) DO UPDATE SET shard_id = excluded.shard_id, segment = excluded.segment,"
    ' "offset" = excluded."offset", length = excluded.length'
)

_PROMOTE = text(
    "WITH gone AS (DELETE FROM replica WHERE account_id = :account AND content_id = :content"
    ' RETURNING shard_id, segment, "offset", length)'
    ' UPDATE content SET shard_id = gone.shard_id, segment = gone.segment, "offset" = gone."offset",'
    " length = gone.length FROM gone WHERE content.account_id = :account AND content.id = :content"
)


_REPLICATED = select(account.c.id, account.c.shard_id, account.c.replica_shard_id).where(
    account.c.replica_shard_id.is_not(None)
)


@dataclass(frozen=True, slots=True)
class Replicated:
    """An account with a second shard."""

    account_id: int
    shard_id: int
    replica_shard_id: int


def set_shard(engine: Engine, account_ids: Collection[int], shard_id: int | None) -> None:
    """The accounts' second shard, for mail that comes from now on; None takes it away, with what is known of the
    replicas. Conflict, and no account is changed, where it is the first one of any."""
    is_one = account.c.id.in_(account_ids)
    with changing(engine) as connection:
        there = connection.scalar(select(account.c.address).where(is_one, account.c.shard_id == shard_id).limit(1))
        if there is not None:
            raise Conflict(f"this is the shard that the mail of {there} is on", "choose another: mda shard list")
        connection.execute(update(account).where(is_one).values(replica_shard_id=shard_id))
        if shard_id is None:
            connection.execute(delete(replica).where(replica.c.account_id.in_(account_ids)))


def replicated(engine: Engine) -> tuple[Replicated, ...]:
    """Every account with a second shard, by id."""
    with transaction(engine) as connection:
        return tuple(Replicated(*row) for row in connection.execute(_REPLICATED.order_by(account.c.id)))


def incomplete(engine: Engine, since: int = 0) -> tuple[Replicated, ...]:
    """Those accounts with a second shard of which a content, with an id from `since` on, is not on both shards: one
    statement, which asks the contents of each account by their key."""
    wanted = (content.c.account_id == account.c.id, content.c.id >= since)
    has_one = exists().where(
        replica.c.account_id == content.c.account_id,
        replica.c.content_id == content.c.id,
        replica.c.shard_id == account.c.replica_shard_id,
    )
    is_missing = exists().where(*wanted, (content.c.shard_id != account.c.shard_id) | ~has_one)
    with transaction(engine.execution_options(**{MILLISECONDS: "0"})) as connection:
        rows = connection.execute(_REPLICATED.where(is_missing).order_by(account.c.id))
        return tuple(Replicated(*row) for row in rows)


@dataclass(frozen=True, slots=True)
class Due:
    """What is not yet on its account's second shard, in bytes as stored; `away` of the messages lie elsewhere than on
    the first one, too."""

    messages: int
    bytes: int
    accounts: int
    away: int


_DUE = text(
    "SELECT count(*), coalesce(sum(content.length), 0)::bigint, count(DISTINCT account.id),"
    " count(*) FILTER (WHERE content.shard_id <> account.shard_id)"
    " FROM account JOIN content ON content.account_id = account.id"
    " WHERE account.replica_shard_id IS NOT NULL AND NOT EXISTS ("
    "SELECT FROM replica WHERE (replica.account_id, replica.content_id) = (content.account_id, content.id)"
    " AND replica.shard_id = account.replica_shard_id)"
)


def due(engine: Engine) -> Due:
    """What a run would find to do, by one pass over the contents of the accounts that have a second shard."""
    with transaction(engine.execution_options(**{MILLISECONDS: "0"})) as connection:
        return Due(*connection.execute(_DUE).one())


def of_account(engine: Engine, account_id: int) -> int | None:
    """The account's second shard."""
    with transaction(engine) as connection:
        return connection.scalar(select(account.c.replica_shard_id).where(account.c.id == account_id))


def shards_of(engine: Engine, account_id: int) -> frozenset[int]:
    """Every shard that has replicas of the account, or is to have them."""
    chosen = select(account.c.replica_shard_id).where(
        account.c.id == account_id, account.c.replica_shard_id.is_not(None)
    )
    there = select(replica.c.shard_id).where(replica.c.account_id == account_id)
    with transaction(engine) as connection:
        return frozenset(connection.scalars(chosen.union(there)))


def lacking(engine: Engine, one: Replicated, limit: int, since: int = 0) -> tuple[tuple[Key, Place], ...]:
    """Contents on the account's first shard without a replica on its second one, by their places; at most `limit`,
    with ids from `since` on."""
    columns = (content.c.id, content.c.shard_id, content.c.segment, content.c.offset, content.c.length)
    has_one = exists().where(
        replica.c.account_id == content.c.account_id,
        replica.c.content_id == content.c.id,
        replica.c.shard_id == one.replica_shard_id,
    )
    wanted = (content.c.account_id == one.account_id, content.c.id >= since, ~has_one)
    is_fit = content.c.shard_id != one.replica_shard_id
    statement = select(*columns).where(*wanted, is_fit).order_by(*columns[1:4]).limit(limit)
    with transaction(engine.execution_options(**{MILLISECONDS: "0"})) as connection:
        return tuple(((one.account_id, row[0]), Place(*row[1:])) for row in connection.execute(statement))


def note(engine: Engine, made: Sequence[tuple[Key, Place]]) -> None:
    """Leads to replicas that are durable, of contents that are still there. All lie on one shard."""
    if not made:
        return
    columns = {
        "segments": [place.segment for _, place in made],
        "offsets": [place.offset for _, place in made],
        "lengths": [place.length for _, place in made],
    }
    with transaction(engine) as connection:
        keys = arrays_of([key for key, _ in made], **columns)
        connection.execute(_NOTE, keys | {"shard": made[0][1].shard_id})


def forget(engine: Engine, key: Key, place: Place) -> bool:
    """Takes away the row of a replica that is no good, while it leads there; whether it did."""
    with transaction(engine) as connection:
        return bool(connection.execute(delete(replica).where(*_is(key, place))).rowcount)


def promote(engine: Engine, key: Key) -> bool:
    """Leads the content itself to its replica, which is none any more; whether there was one."""
    with transaction(engine) as connection:
        return bool(connection.execute(_PROMOTE, {"account": key[0], "content": key[1]}).rowcount)


def forget_ownerless(engine: Engine) -> int:
    """Takes away replicas whose content is gone; how many."""
    is_owned = exists().where(content.c.account_id == replica.c.account_id, content.c.id == replica.c.content_id)
    with transaction(engine.execution_options(**{MILLISECONDS: "0"})) as connection:
        return connection.execute(delete(replica).where(~is_owned)).rowcount


def _is(key: Key, place: Place) -> tuple[ColumnElement[bool], ...]:
    return (
        replica.c.account_id == key[0],
        replica.c.content_id == key[1],
        replica.c.shard_id == place.shard_id,
        replica.c.segment == place.segment,
        replica.c.offset == place.offset,
    )
