"""An account whose marks are set and taken back, and messages of two kinds to mark."""

from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, select

from mda import binding
from mda.antispam import personal
from mda.learning import teach
from mda.learning.lesson import Lesson, Pupil
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import training_queue, user_weights
from tests.unit.metadata.rows import IDS, make_account


def mail(subject: str, text: str, sender: str = "ben@example.net") -> bytes:
    return f"From: {sender}\r\nTo: anne@example.org\r\nSubject: {subject}\r\n\r\n{text}\r\n".encode()


OFFER = mail("Cheap watches for you", "Buy cheap watches today, the best watches of all.", "offers@shop.example")
NEWS = mail("Garden club meeting", "The garden club meets on Friday to plant roses.", "club@garden.example")


@dataclass(frozen=True, slots=True)
class Reader:
    """One account, and what it has taught."""

    engine: Engine
    account_id: int
    pupil: Pupil

    def lesson(self, content_id: int, raw: bytes) -> Lesson:
        return self.pupil.read(content_id, raw)

    def mark(self, content_id: int, raw: bytes, is_spam: bool) -> teach.Taught:
        return teach.teach(self.engine, IDS, self.account_id, [self.lesson(content_id, raw)], is_spam, "test")

    def forget(self, *content_ids: int) -> int:
        return teach.forget(self.engine, IDS, self.account_id, content_ids, None)

    def weights(self) -> bytes:
        with transaction(self.engine) as connection:
            statement = select(user_weights.c.weights).where(user_weights.c.account_id == self.account_id)
            return bytes(connection.scalars(statement).one())

    def correction(self, raw: bytes) -> float:
        """What the account's marks add to a message's log-odds."""
        known = personal.unpack(self.weights())
        assert known is not None
        return binding.correct(known.weights, binding.view(binding.features(raw)))[0]

    def queued(self) -> list[tuple[str, int]]:
        with transaction(self.engine) as connection:
            statement = select(training_queue.c.lesson, training_queue.c.content_id).order_by(training_queue.c.id)
            return [(row.lesson, row.content_id) for row in connection.execute(statement)]


@pytest.fixture
def reader(engine: Engine) -> Reader:
    return Reader(engine, make_account(engine).id, Pupil())


__all__ = ["NEWS", "OFFER", "Reader", "mail"]
