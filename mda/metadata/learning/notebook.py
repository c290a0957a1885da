"""One account's marks, read and changed in one transaction with the account locked.

A mark is the truth of what the user said of one message; weights are made of marks and can be made again. This
module keeps them and knows nothing of features: a view is bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from mda.identifiers import IdentifierSource
from mda.metadata.directory.changes import WEIGHTS_CHANNEL
from mda.metadata.mailbox.change import changing, lock
from mda.metadata.schema.tables import correspondent, mark, training_queue, user_weights
from mda.metadata.schema.words import Lesson

MOST_MARKS = 10_000
"""An account keeps so many; the oldest beyond are forgotten."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the user said of one message. `content_id` is negative for one that is in no mailbox."""

    content_id: int
    is_spam: bool
    source: str
    view: bytes | None = None
    """None until the trainer has read the message."""
    feature_version: int | None = None
    base: float | None = None
    """The log-odds of spam by the base model alone."""
    campaign: int | None = None
    step: float | None = None
    """What the global model has learned of it; None: nothing yet."""
    marked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """A user's weights as they are kept, and the marks that they are made of."""

    raw: bytes
    feature_version: int
    ham: int
    spam: int


class Notebook:
    """An account's marks, while it is locked; made by `opened`."""

    def __init__(self, connection: Connection, identifiers: IdentifierSource, account_id: int) -> None:
        self._connection = connection
        self._identifiers = identifiers
        self.account_id = account_id

    def find(self, content_ids: Sequence[int]) -> dict[int, Mark]:
        """The marks that there are, by content id."""
        rows = self._connection.execute(self._marks().where(mark.c.content_id.in_(content_ids)))
        return {row.content_id: _mark(row) for row in rows}

    def newest(self, limit: int, feature_version: int) -> tuple[Mark, ...]:
        """The last ones whose messages have been read, oldest first: an order that the same marks always have."""
        newest = (mark.c.marked_at.desc(), mark.c.content_id.desc())
        read = (mark.c.view.is_not(None), mark.c.feature_version == feature_version)
        rows = self._connection.execute(self._marks().where(*read).order_by(*newest).limit(limit)).all()
        return tuple(_mark(row) for row in reversed(rows))

    def write(self, marks: Iterable[Mark]) -> None:
        """Adds marks or replaces those of the same messages, but for what the global model has learned of them."""
        names = ("is_spam", "source", "view", "feature_version", "base", "campaign")
        values = [{"content_id": one.content_id} | {name: getattr(one, name) for name in names} for one in marks]
        if not values:
            return
        statement = upsert(mark).values([{"account_id": self.account_id, **value} for value in values])
        renewed = {name: statement.excluded[name] for name in (*names, "marked_at")}
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=["account_id", "content_id"], set_=renewed)
        )

    def note(self, content_id: int, view: bytes, feature_version: int, base: float, campaign: int | None) -> None:
        """What the message of a mark is like; the mark keeps its time."""
        values = {"view": view, "feature_version": feature_version, "base": base, "campaign": campaign}
        self._update(content_id, values)

    def note_step(self, content_id: int, step: float) -> None:
        """What the global model has learned of a mark."""
        self._update(content_id, {"step": step})

    def drop(self, content_ids: Sequence[int]) -> tuple[Mark, ...]:
        """Takes marks away; those that there were."""
        condition = (mark.c.account_id == self.account_id, mark.c.content_id.in_(content_ids))
        rows = self._connection.execute(delete(mark).where(*condition).returning(*mark.c)).all()
        return tuple(_mark(row) for row in rows)

    def surplus(self) -> tuple[int, ...]:
        """Content ids of the oldest marks beyond MOST_MARKS."""
        newest = (mark.c.marked_at.desc(), mark.c.content_id.desc())
        statement = select(mark.c.content_id).where(mark.c.account_id == self.account_id).order_by(*newest)
        return tuple(self._connection.scalars(statement.offset(MOST_MARKS)))

    def correspondents(self, limit: int) -> tuple[str, ...]:
        """Whom the account has written to, the latest first."""
        statement = (
            select(correspondent.c.address)
            .where(correspondent.c.account_id == self.account_id, correspondent.c.sent_count > 0)
            .order_by(correspondent.c.last_seen_at.desc(), correspondent.c.address)
            .limit(limit)
        )
        return tuple(self._connection.scalars(statement))

    def wrote_to(self, addresses: Sequence[str]) -> None:
        """The account has written to these addresses, now."""
        values = [{"account_id": self.account_id, "address": address, "sent_count": 1} for address in addresses]
        if not values:
            return
        statement = upsert(correspondent).values(values)
        renewed = {"sent_count": correspondent.c.sent_count + 1, "last_seen_at": func.now()}
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=["account_id", "address"], set_=renewed)
        )

    def forget_correspondents(self, addresses: Sequence[str]) -> int:
        """How many of them there were."""
        is_it = (correspondent.c.account_id == self.account_id, correspondent.c.address.in_(addresses))
        return self._connection.execute(delete(correspondent).where(*is_it)).rowcount

    def write_weights(self, weighed: Weighed) -> None:
        """Replaces the account's weights, and tells the workers, which remember them."""
        values = {
            "feature_version": weighed.feature_version,
            "weights": weighed.raw,
            "ham_count": weighed.ham,
            "spam_count": weighed.spam,
        }
        statement = upsert(user_weights).values(account_id=self.account_id, version=1, **values)
        renewed = values | {"version": user_weights.c.version + 1, "updated_at": func.now()}
        self._connection.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=renewed))
        self._connection.execute(select(func.pg_notify(WEIGHTS_CHANNEL, str(self.account_id))))

    def queue(self, lesson: Lesson, marks: Iterable[Mark]) -> None:
        """Tells the trainer; a FORGET takes along what must be taken back."""
        is_gone = lesson is Lesson.FORGET
        rows = [
            {
                "account_id": self.account_id,
                "id": self._identifiers.next(),
                "content_id": one.content_id,
                "is_spam": one.is_spam,
                "lesson": lesson,
                "view": one.view if is_gone else None,
                "step": one.step if is_gone else None,
            }
            for one in marks
        ]
        if rows:
            self._connection.execute(insert(training_queue), rows)

    def take(self, ids: Sequence[int]) -> frozenset[int]:
        """Takes rows out of the trainer's queue; those that were still there and nobody else's."""
        own = (training_queue.c.account_id == self.account_id, training_queue.c.id.in_(ids))
        free = select(training_queue.c.id).where(*own).with_for_update(skip_locked=True)
        taken = tuple(self._connection.scalars(free))
        self._connection.execute(delete(training_queue).where(own[0], training_queue.c.id.in_(taken)))
        return frozenset(taken)

    def _update(self, content_id: int, values: dict[str, Any]) -> None:
        is_it = (mark.c.account_id == self.account_id, mark.c.content_id == content_id)
        self._connection.execute(update(mark).where(*is_it).values(values))

    def _marks(self) -> Select[Any]:
        return select(mark).where(mark.c.account_id == self.account_id)


@contextmanager
def opened(
    engine: Engine, identifiers: IdentifierSource, account_id: int, *, is_rehearsal: bool = False
) -> Iterator[Notebook]:
    """One transaction; NotFound where the account is gone."""
    with changing(engine, is_rehearsal=is_rehearsal) as connection:
        lock(connection, account_id)
        yield Notebook(connection, identifiers, account_id)


def _mark(row: Row[Any]) -> Mark:
    return Mark(
        row.content_id,
        row.is_spam,
        row.source,
        None if row.view is None else bytes(row.view),
        row.feature_version,
        row.base,
        row.campaign,
        row.step,
        row.marked_at,
    )
