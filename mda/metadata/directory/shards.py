"""The shards that the directory knows: where bodies are kept, and which shard a new account belongs to.

Rows only; the folders behind them are `mda.storage`'s.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from mda.errors import Conflict, NotFound
from mda.identifiers import IdentifierSource
from mda.metadata.directory.nearest import did_you_mean
from mda.metadata.postgresql.engine import MILLISECONDS, transaction
from mda.metadata.schema.tables import account, checkpoint, content, purged, replica, shard
from mda.metadata.schema.words import ShardState

__all__ = ["Shard", "ShardState", "Usage", "add", "change", "find", "list_all", "pick", "remove", "usage"]


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard. `weight` is its share of new accounts; 0 takes none."""

    id: int
    name: str
    url: str
    state: ShardState = ShardState.ACTIVE
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Usage:
    """What of the directory and the mail is on a shard; `bytes` of stored forms, before compression."""

    accounts: int
    messages: int
    bytes: int


def add(
    engine: Engine, identifiers: IdentifierSource, name: str, url: str, weight: int = 1, shard_id: int | None = None
) -> Shard:
    """A new active shard, under the id that its folder has already where one is given; Conflict where its name or URL
    is taken."""
    made = Shard(shard_id or identifiers.next(), name, url, weight=weight)
    try:
        with transaction(engine) as connection:
            connection.execute(insert(shard).values(id=made.id, name=name, url=url, weight=weight))
    except IntegrityError as error:
        raise Conflict(f"a shard with the name {name} or the URL {url} exists", "choose another") from error
    return made


def list_all(engine: Engine) -> tuple[Shard, ...]:
    """Every shard, by name."""
    with transaction(engine) as connection:
        return _read(connection)


def find(engine: Engine, name: str) -> Shard:
    """The shard of that name; NotFound with the nearest."""
    with transaction(engine) as connection:
        return _named(_read(connection), name)


def change(engine: Engine, name: str, *, state: ShardState | None = None, weight: int | None = None) -> Shard:
    """Sets what is given; the shard as it is then."""
    values = {"state": state, "weight": weight}
    given = {key: value for key, value in values.items() if value is not None}
    with transaction(engine) as connection:
        found = _named(_read(connection), name)
        if given:
            connection.execute(update(shard).where(shard.c.id == found.id).values(given))
        return _named(_read(connection), name)


def usage(engine: Engine) -> dict[int, Usage]:
    """By shard id; one pass over all contents."""
    unhurried = engine.execution_options(**{MILLISECONDS: "0"})
    with transaction(unhurried) as connection:
        accounts = connection.execute(select(account.c.shard_id, func.count()).group_by(account.c.shard_id)).all()
        sums = (content.c.shard_id, func.count(), func.coalesce(func.sum(content.c.size), 0))
        bodies = connection.execute(select(*sums).group_by(content.c.shard_id)).all()
        known = list(connection.scalars(select(shard.c.id)))
    counts = {row[0]: row[1] for row in accounts}
    loads = {row[0]: (row[1], int(row[2])) for row in bodies}
    return {one: Usage(counts.get(one, 0), *loads.get(one, (0, 0))) for one in known}


def remove(engine: Engine, found: Shard) -> None:
    """Takes the shard's row away; Conflict while accounts, contents or replicas are on it, or a purge record is due
    there."""
    with transaction(engine) as connection:
        for table, what in (
            (account, "accounts"),
            (content, "messages"),
            (replica, "replicas"),
            (purged, "purge records that are due"),
        ):
            condition = table.c.shard_id == found.id
            if table is account:
                condition |= account.c.replica_shard_id == found.id
            if table is purged:
                condition &= ~purged.c.is_recorded
            count = connection.scalar(select(func.count()).select_from(table).where(condition)) or 0
            if count:
                raise Conflict(f"shard {found.name} has {count} {what}", f"first: mda shard drain {found.name}")
        connection.execute(delete(checkpoint).where(checkpoint.c.shard_id == found.id))
        connection.execute(delete(shard).where(shard.c.id == found.id))


def pick(connection: Connection, name: str | None = None) -> Shard:
    """The shard for a new account: the named one, else one drawn by weight among the active ones."""
    shards = _read(connection)
    if name is not None:
        named = _named(shards, name)
        if named.state is not ShardState.ACTIVE:
            raise Conflict(f"shard {name} is {named.state}", "choose an active one")
        return named
    open_for_accounts = [found for found in shards if found.state is ShardState.ACTIVE and found.weight > 0]
    if not open_for_accounts:
        raise Conflict("no active shard takes new accounts", "make one: mda init")
    weights = [found.weight for found in open_for_accounts]
    return secrets.SystemRandom().choices(open_for_accounts, weights)[0]


def _named(shards: Sequence[Shard], name: str) -> Shard:
    named = next((found for found in shards if found.name == name), None)
    if named is None:
        raise NotFound(f"no shard {name}", did_you_mean(name, (found.name for found in shards)))
    return named


def _read(connection: Connection) -> tuple[Shard, ...]:
    columns = (shard.c.id, shard.c.name, shard.c.url, shard.c.state, shard.c.weight)
    rows = connection.execute(select(*columns).order_by(shard.c.name))
    return tuple(Shard(row.id, row.name, row.url, ShardState(row.state), row.weight) for row in rows)
