"""What the trainer has yet to do, and what the global model is made of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select, update

from mda.identifiers import IdentifierSource
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import mark, task, training_queue
from mda.metadata.schema.words import Lesson

REBUILD = "rebuild_spam_model"
"""Kind of the task that asks for the global model to be made again of the marks that are left."""

MOST_ATTEMPTS = 10
"""Of a message that can't be read; it then waits for somebody to look."""

PAGE = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row of the queue. A FORGET brings along what must be taken back."""

    id: int
    content_id: int
    lesson: Lesson
    view: bytes | None
    step: float | None


@dataclass(frozen=True, slots=True)
class Learned:
    """A mark that is in the global model."""

    account_id: int
    campaign: int | None
    view: bytes
    step: float


def accounts_waiting(engine: Engine, limit: int) -> tuple[int, ...]:
    """Accounts that have rows in the queue, in no order."""
    statement = select(training_queue.c.account_id).where(training_queue.c.attempts < MOST_ATTEMPTS).distinct()
    with transaction(engine) as connection:
        return tuple(connection.scalars(statement.limit(limit)))


def waiting(engine: Engine, account_id: int, limit: int) -> tuple[Waiting, ...]:
    """An account's rows in the order in which they came."""
    statement = (
        select(training_queue)
        .where(training_queue.c.account_id == account_id, training_queue.c.attempts < MOST_ATTEMPTS)
        .order_by(training_queue.c.id)
        .limit(limit)
    )
    with transaction(engine) as connection:
        rows = connection.execute(statement).all()
    return tuple(
        Waiting(row.id, row.content_id, Lesson(row.lesson), None if row.view is None else bytes(row.view), row.step)
        for row in rows
    )


def unread(engine: Engine, account_id: int, content_ids: Sequence[int], feature_version: int) -> frozenset[int]:
    """Those of the marks whose messages have not been read with these features."""
    is_it = (mark.c.account_id == account_id, mark.c.content_id.in_(content_ids))
    statement = select(mark.c.content_id).where(*is_it, mark.c.feature_version.is_distinct_from(feature_version))
    with transaction(engine) as connection:
        return frozenset(connection.scalars(statement))


def postpone(engine: Engine, account_id: int, ids: Sequence[int]) -> None:
    """Counts an attempt that failed."""
    is_it = (training_queue.c.account_id == account_id, training_queue.c.id.in_(ids))
    with transaction(engine) as connection:
        connection.execute(update(training_queue).where(*is_it).values(attempts=training_queue.c.attempts + 1))


def learned(engine: Engine, feature_version: int) -> Iterator[Learned]:
    """Every mark that is in the global model, always in the same order; those too that are forgotten and have yet to be
    taken back, since the queue's rows will do that. One snapshot: a mark that is forgotten meanwhile is in it once."""
    with transaction(engine.execution_options(isolation_level="REPEATABLE READ")) as connection:
        yield from _marks(connection, feature_version)
        gone = (training_queue.c.lesson == Lesson.FORGET, training_queue.c.step.is_not(None))
        columns = (training_queue.c.account_id, training_queue.c.view, training_queue.c.step)
        for row in connection.execute(select(*columns).where(*gone).order_by(*training_queue.primary_key)):
            yield Learned(row.account_id, None, bytes(row.view), row.step)


def _marks(connection: Connection, feature_version: int) -> Iterator[Learned]:
    last = (-(1 << 63), -(1 << 63))
    order = (mark.c.account_id, mark.c.content_id)
    columns = (*order, mark.c.campaign, mark.c.view, mark.c.step)
    while True:
        statement = (
            select(*columns)
            .where(mark.c.step.is_not(None), mark.c.feature_version == feature_version)
            .where((mark.c.account_id > last[0]) | ((mark.c.account_id == last[0]) & (mark.c.content_id > last[1])))
            .order_by(*order)
            .limit(PAGE)
        )
        rows = connection.execute(statement).all()
        for row in rows:
            yield Learned(row.account_id, row.campaign, bytes(row.view), row.step)
        if len(rows) < PAGE:
            return
        last = (rows[-1].account_id, rows[-1].content_id)


def requeue_outdated(engine: Engine, identifiers: IdentifierSource, feature_version: int) -> int:
    """Puts the marks of stored messages that were read with other features into the queue again; how many."""
    same = (training_queue.c.account_id == mark.c.account_id) & (training_queue.c.content_id == mark.c.content_id)
    statement = (
        select(mark.c.account_id, mark.c.content_id, mark.c.is_spam)
        .where(mark.c.feature_version != feature_version, mark.c.content_id > 0)
        .where(~select(training_queue.c.id).where(same).exists())
        .limit(PAGE)
    )
    count = 0
    while True:
        with transaction(engine) as connection:
            rows = [{**row._mapping, "id": identifiers.next()} for row in connection.execute(statement)]
            if not rows:
                return count
            connection.execute(insert(training_queue), rows)
        count += len(rows)


def ask_to_rebuild(connection: Connection) -> None:
    """Marks have gone that the queue says nothing of."""
    connection.execute(insert(task).values(id=IdentifierSource().next(), kind=REBUILD))


def take_rebuild(engine: Engine) -> bool:
    """Whether somebody has asked to rebuild; that is then ours to do."""
    with transaction(engine) as connection:
        return bool(connection.execute(delete(task).where(task.c.kind == REBUILD)).rowcount)
