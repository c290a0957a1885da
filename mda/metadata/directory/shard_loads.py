"""What is on each shard: by the counters of its accounts, or counted.

Without SQLAlchemy, as `mda.metadata.directory.listings`. The counters cost a row an account; counting reads every
content there is, minutes where there are ten million.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mda.metadata.postgresql.reading import Reader
from mda.metadata.schema.words import ShardState

LOADS = """
SELECT shard.id, shard.name, shard.url, shard.state, shard.weight, coalesce(used.accounts, 0) AS accounts,
    coalesce(used.messages, 0)::bigint AS messages, coalesce(used.bytes, 0)::bigint AS bytes
FROM shard LEFT JOIN (
    SELECT account.shard_id, count(*) AS accounts, sum(state.message_count) AS messages, sum(state.bytes) AS bytes
    FROM account LEFT JOIN account_state AS state ON state.account_id = account.id GROUP BY 1
) AS used ON used.shard_id = shard.id
ORDER BY shard.name
"""

ACCOUNTS = """
SELECT max(account_id) AS last, coalesce(sum(message_count), 0)::bigint AS messages FROM (
    SELECT account_id, message_count FROM account_state WHERE account_id > :after ORDER BY account_id LIMIT :accounts
) AS slice
"""

CONTENTS = """
SELECT shard_id, count(*) AS messages, coalesce(sum(size), 0)::bigint AS bytes
FROM content WHERE account_id > :after AND account_id <= :last GROUP BY 1
"""

UNHURRIED = "SELECT set_config('statement_timeout', '0', true) AS a"

SLICE = 100
"""Accounts whose contents are counted at a time."""


@dataclass(frozen=True, slots=True)
class Load:
    """A shard and what it bears: by the counters the messages of the accounts that belong to it, as they are delivered;
    counted the contents that lie on it, expunged ones included, as they are stored (before compression)."""

    id: int
    name: str
    url: str
    state: ShardState
    weight: int
    accounts: int
    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A step of counting: how many messages have been passed of how many, by the counters."""

    passed: int
    total: int
    loads: tuple[Load, ...]


def loads(reader: Reader) -> tuple[Load, ...]:
    """By name, as the counters have it."""
    return tuple(Load(**{**row._asdict(), "state": ShardState(row.state)}) for row in reader.rows(LOADS))


def count(reader: Reader) -> Iterator[Counted]:
    """Passes over all contents, account by account; the last step has everything."""
    reader.rows(UNHURRIED)
    found = {one.id: one for one in loads(reader)}
    total = sum(one.messages for one in found.values())
    found = {key: replace(one, messages=0, bytes=0) for key, one in found.items()}
    passed = after = 0
    while True:
        yield Counted(passed, total, tuple(found.values()))
        (accounts,) = reader.rows(ACCOUNTS, after=after, accounts=SLICE)
        if accounts.last is None:
            return
        for row in reader.rows(CONTENTS, after=after, last=accounts.last):
            known = found[row.shard_id]
            found[known.id] = replace(known, messages=known.messages + row.messages, bytes=known.bytes + row.bytes)
        after, passed = accounts.last, passed + accounts.messages
