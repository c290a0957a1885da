"""Where contents lie in the shards: looked up by what a record says whose it is, and changed when it was copied.

Nothing here locks an account: a place says nothing to a client, and each row is changed only while it is as found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, Subquery, func, select, text

from mda.metadata.postgresql.array_literal import array_literal
from mda.metadata.postgresql.engine import MILLISECONDS, transaction
from mda.metadata.schema.tables import content, message, purged, replica

Key = tuple[int, int]
"""Account id and content id."""

PAGE = 2000


def _leading() -> Subquery:
    of_place = ("shard_id", "segment", "offset", "length")
    rows = select(content.c.account_id, content.c.id, *(content.c[name] for name in of_place), content.c.digest)
    same = (content.c.account_id == replica.c.account_id) & (content.c.id == replica.c.content_id)
    second = select(
        replica.c.account_id, replica.c.content_id, *(replica.c[name] for name in of_place), content.c.digest
    ).join(content, same)
    return rows.union_all(second).subquery("leading")


_LEADING = _leading()
"""Every row that leads to a record: of contents, and of their replicas."""

_KEYS = "unnest(CAST(:accounts AS bigint[]), CAST(:contents AS bigint[])) AS key (account_id, content_id)"

_OF_CONTENT = "content.shard_id, content.segment, content.offset, content.length"
_OF_REPLICA = "replica.shard_id, replica.segment, replica.offset, replica.length"

_LOOK_UP = text(
    f"SELECT key.account_id, key.content_id, {_OF_CONTENT}, {_OF_REPLICA} FROM {_KEYS}"  # noqa: S608
    " JOIN content ON (content.account_id, content.id) = (key.account_id, key.content_id)"
    " LEFT JOIN replica ON (replica.account_id, replica.content_id) = (content.account_id, content.id)"
)

_PURGED = text(
    f"SELECT key.account_id, key.content_id FROM {_KEYS} WHERE EXISTS (SELECT FROM purged"  # noqa: S608
    " WHERE purged.account_id = key.account_id AND purged.content_id IN (0, key.content_id))"
)

_REPOINT = (
    'UPDATE {table} SET shard_id = :to_shard, segment = moved.segment, "offset" = moved.new_offset,'
    " length = moved.length"
    " FROM unnest(CAST(:accounts AS bigint[]), CAST(:contents AS bigint[]), CAST(:old_offsets AS bigint[]),"
    " CAST(:segments AS bigint[]), CAST(:new_offsets AS bigint[]), CAST(:lengths AS bigint[]))"
    " AS moved (account_id, content_id, old_offset, segment, new_offset, length)"
    " WHERE ({table}.account_id, {table}.{key}) = (moved.account_id, moved.content_id)"
    ' AND {table}.shard_id = :shard AND {table}.segment = :old_segment AND {table}."offset" = moved.old_offset'
)

_REPOINT_ROWS = text(_REPOINT.format(table="content", key="id"))
_REPOINT_REPLICAS = text(_REPOINT.format(table="replica", key="content_id"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row says that its record is."""

    shard_id: int
    segment: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Move:
    """A row's record was copied: from `old_offset` of the old segment to `place`."""

    key: Key
    old_offset: int
    place: Place


@dataclass(frozen=True, slots=True)
class Leads:
    """Where a content's row leads, and where its replica lies."""

    place: Place
    replica: Place | None = None

    def __contains__(self, place: object) -> bool:
        return place is not None and place in (self.place, self.replica)


def look_up(engine: Engine, keys: Sequence[Key]) -> dict[Key, Leads]:
    """The places of those that have rows."""
    if not keys:
        return {}
    with transaction(engine) as connection:
        rows = connection.execute(_LOOK_UP, arrays_of(keys)).all()
    return {(row[0], row[1]): Leads(Place(*row[2:6]), None if row[6] is None else Place(*row[6:])) for row in rows}


def find_purged(engine: Engine, keys: Sequence[Key]) -> frozenset[Key]:
    """Those that are gone for good, each or with all of its account."""
    if not keys:
        return frozenset()
    with transaction(engine) as connection:
        return frozenset((row[0], row[1]) for row in connection.execute(_PURGED, arrays_of(keys)))


def repoint(engine: Engine, shard_id: int, segment: int, moves: Sequence[Move]) -> int:
    """Changes the rows, of replicas too, that still are where the copies were made from; how many. All moves go to one
    shard."""
    if not moves:
        return 0
    arguments = arrays_of(
        [move.key for move in moves],
        old_offsets=[move.old_offset for move in moves],
        segments=[move.place.segment for move in moves],
        new_offsets=[move.place.offset for move in moves],
        lengths=[move.place.length for move in moves],
    )
    fixed = {"shard": shard_id, "old_segment": segment, "to_shard": moves[0].place.shard_id}
    with transaction(engine) as connection:
        done = connection.execute(_REPOINT_ROWS, arguments | fixed).rowcount
        return done + connection.execute(_REPOINT_REPLICAS, arguments | fixed).rowcount


def live_bytes(engine: Engine, shard_id: int) -> dict[int, int]:
    """Bytes of records with rows, by segment: one pass over the shard's rows."""
    records = (
        select(_LEADING.c.segment, _LEADING.c.offset, func.max(_LEADING.c.length).label("length"))
        .where(_LEADING.c.shard_id == shard_id)
        .group_by(_LEADING.c.segment, _LEADING.c.offset)
        .subquery()
    )
    statement = select(records.c.segment, func.sum(records.c.length)).group_by(records.c.segment)
    with transaction(_unhurried(engine)) as connection:
        return {segment: int(octets) for segment, octets in connection.execute(statement)}


def still_used(engine: Engine, shard_id: int, segments: Sequence[int]) -> frozenset[int]:
    """Those of the segments that a row leads to."""
    if not segments:
        return frozenset()
    statement = select(_LEADING.c.segment).where(_LEADING.c.shard_id == shard_id, _LEADING.c.segment.in_(segments))
    with transaction(_unhurried(engine)) as connection:
        return frozenset(connection.scalars(statement.distinct()))


def rows_by_segment(engine: Engine, shard_id: int) -> dict[int, int]:
    """How many rows lead to each segment of the shard: one pass over the shard's rows."""
    statement = (
        select(_LEADING.c.segment, func.count()).where(_LEADING.c.shard_id == shard_id).group_by(_LEADING.c.segment)
    )
    with transaction(_unhurried(engine)) as connection:
        return {segment: int(count) for segment, count in connection.execute(statement)}


def rows_in(engine: Engine, shard_id: int, segments: Sequence[int]) -> tuple[tuple[Key, Place, bytes], ...]:
    """The rows that lead to these segments: key, place and digest; one pass over the shard's rows."""
    if not segments:
        return ()
    columns = (_LEADING.c[name] for name in ("account_id", "id", "segment", "offset", "length", "digest"))
    is_there = (_LEADING.c.shard_id == shard_id, _LEADING.c.segment.in_(segments))
    with transaction(_unhurried(engine)) as connection:
        rows = connection.execute(select(*columns).where(*is_there)).all()
    return tuple(((row[0], row[1]), Place(shard_id, row[2], row[3], row[4]), bytes(row[5])) for row in rows)


def not_on(engine: Engine, account_id: int, shard_id: int, limit: int) -> tuple[tuple[Key, Place], ...]:
    """Contents of an account that lie on another shard, at most `limit` of them, by their places."""
    columns = (content.c.id, content.c.shard_id, content.c.segment, content.c.offset, content.c.length)
    is_elsewhere = (content.c.account_id == account_id, content.c.shard_id != shard_id)
    statement = select(*columns).where(*is_elsewhere).order_by(*columns[1:4]).limit(limit)
    with transaction(engine) as connection:
        rows = connection.execute(statement).all()
    return tuple(((account_id, row[0]), Place(*row[1:])) for row in rows)


def owners_on(engine: Engine, shard_id: int) -> tuple[int, ...]:
    """Accounts that have contents on the shard; one pass over all contents."""
    statement = select(content.c.account_id).where(content.c.shard_id == shard_id).distinct()
    with transaction(_unhurried(engine)) as connection:
        return tuple(sorted(connection.scalars(statement)))


def committed(engine: Engine, account_id: int, content_ids: Sequence[int]) -> tuple[tuple[int, int, int], ...]:
    """Mailbox, UID and content id of every message row of these contents."""
    columns = (message.c.mailbox_id, message.c.uid, message.c.content_id)
    is_it = (message.c.account_id == account_id, message.c.content_id.in_(content_ids))
    with transaction(engine) as connection:
        return tuple((row[0], row[1], row[2]) for row in connection.execute(select(*columns).where(*is_it)))


def draw(engine: Engine, shard_id: int, count: int) -> tuple[Place, ...]:
    """Places of so many of the shard's contents, drawn at random; one pass over its rows."""
    columns = (content.c.shard_id, content.c.segment, content.c.offset, content.c.length)
    statement = select(*columns).where(content.c.shard_id == shard_id).order_by(func.random()).limit(count)
    with transaction(_unhurried(engine)) as connection:
        return tuple(Place(*row) for row in connection.execute(statement))


def urgent(engine: Engine) -> frozenset[Key]:
    """What is to be erased now."""
    with transaction(engine) as connection:
        rows = connection.execute(select(purged.c.account_id, purged.c.content_id).where(purged.c.is_urgent))
        return frozenset((row[0], row[1]) for row in rows)


def forget_purged(engine: Engine, keys: Iterable[Key]) -> None:
    """No segment holds these any more."""
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), PAGE):
        with transaction(engine) as connection:
            connection.execute(
                text(
                    f"DELETE FROM purged USING {_KEYS}"  # noqa: S608
                    " WHERE (purged.account_id, purged.content_id) = (key.account_id, key.content_id) AND is_recorded"
                ),
                arrays_of(wanted[start : start + PAGE]),
            )


def _unhurried(engine: Engine) -> Engine:
    """For one pass over all rows, which may take longer than a statement of the service."""
    return engine.execution_options(**{MILLISECONDS: "0"})


def arrays_of(keys: Sequence[Key], **columns: Sequence[int]) -> dict[str, str]:
    """Array literals of keys, `accounts` and `contents`, and of columns beside them."""
    named: dict[str, Iterable[int]] = {"accounts": (key[0] for key in keys), "contents": (key[1] for key in keys)}
    return {name: array_literal(values) for name, values in (named | columns).items()}
