"""The shards that the directory knows: where bodies are kept, and which shard a new account belongs to.

Rows only; the folders behind them are `mda.storage`'s.
"""

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError

from mda.errors import Conflict, NotFound
from mda.identifiers import IdentifierSource
from mda.metadata.directory.nearest import did_you_mean
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import shard
from mda.metadata.schema.words import ShardState

__all__ = ["Shard", "ShardState", "add", "list_all", "pick"]


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard. `weight` is its share of new accounts; 0 takes none."""

    id: int
    name: str
    url: str
    state: ShardState = ShardState.ACTIVE
    weight: int = 1


def add(engine: Engine, identifiers: IdentifierSource, name: str, url: str, weight: int = 1) -> Shard:
    """A new active shard; Conflict where its name or URL is taken."""
    made = Shard(identifiers.next(), name, url, weight=weight)
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


def pick(connection: Connection, name: str | None = None) -> Shard:
    """The shard for a new account: the named one, else one drawn by weight among the active ones."""
    shards = _read(connection)
    if name is not None:
        named = next((found for found in shards if found.name == name), None)
        if named is None:
            raise NotFound(f"no shard {name}", did_you_mean(name, (found.name for found in shards)))
        if named.state is not ShardState.ACTIVE:
            raise Conflict(f"shard {name} is {named.state}", "choose an active one")
        return named
    open_for_accounts = [found for found in shards if found.state is ShardState.ACTIVE and found.weight > 0]
    if not open_for_accounts:
        raise Conflict("no active shard takes new accounts", "make one: mda init")
    weights = [found.weight for found in open_for_accounts]
    return secrets.SystemRandom().choices(open_for_accounts, weights)[0]


def _read(connection: Connection) -> tuple[Shard, ...]:
    columns = (shard.c.id, shard.c.name, shard.c.url, shard.c.state, shard.c.weight)
    rows = connection.execute(select(*columns).order_by(shard.c.name))
    return tuple(Shard(row.id, row.name, row.url, ShardState(row.state), row.weight) for row in rows)
