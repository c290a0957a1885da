"""A user's marks: they count at once, once each, and leave nothing behind when they are taken back."""

import pytest
from sqlalchemy import select, update

from mda.learning import teach
from mda.learning.lesson import outside_id
from mda.metadata.learning import notebook
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import mark, user_weights
from tests.unit.learning.conftest import NEWS, OFFER, Reader, mail
from tests.unit.metadata.rows import IDS, make_account


def test_first_mark_counts_and_tells_like_mail_apart(reader: Reader) -> None:
    assert reader.mark(1, OFFER, True) == teach.Taught(changed=1, known=0)
    assert reader.correction(OFFER) > 1.0
    assert reader.correction(mail("Cheap watches", "Watches again", "offers@shop.example")) > 0.5
    assert abs(reader.correction(NEWS)) < reader.correction(OFFER) / 4
    assert reader.queued() == [("learn", 1)]


def test_same_mark_again_changes_nothing(reader: Reader) -> None:
    reader.mark(1, OFFER, True)
    before = reader.weights()
    assert reader.mark(1, OFFER, True) == teach.Taught(changed=0, known=1)
    assert reader.weights() == before
    assert len(reader.queued()) == 1


def test_taken_back_mark_leaves_the_very_bytes_of_before(reader: Reader) -> None:
    reader.mark(1, OFFER, True)
    reader.mark(2, NEWS, False)
    before = reader.weights()
    reader.mark(3, mail("Cheap roses", "Buy cheap roses of the garden shop"), True)
    assert reader.weights() != before
    assert reader.forget(3, 99) == 1
    assert reader.weights() == before


def test_all_marks_taken_back_say_nothing(reader: Reader) -> None:
    reader.mark(1, OFFER, True)
    assert reader.forget(1) == 1
    assert reader.correction(OFFER) == 0.0
    assert reader.forget(1) == 0


def test_last_verdict_is_the_one_that_counts(reader: Reader) -> None:
    reader.mark(1, OFFER, True)
    reader.mark(1, OFFER, False)
    assert reader.correction(OFFER) <= 0.0
    with transaction(reader.engine) as connection:
        assert connection.scalars(select(mark.c.is_spam)).all() == [False]
        counts = connection.execute(select(user_weights.c.ham_count, user_weights.c.spam_count)).one()
    assert tuple(counts) == (1, 0)


def test_other_accounts_are_left_alone(reader: Reader) -> None:
    ben = Reader(reader.engine, make_account(reader.engine, "ben@example.org").id, reader.pupil)
    ben.mark(1, NEWS, False)
    before = ben.weights()
    reader.mark(1, NEWS, True)
    assert ben.weights() == before


def test_forgetting_tells_the_trainer_what_to_take_back(reader: Reader) -> None:
    reader.mark(1, OFFER, True)
    with transaction(reader.engine) as connection:
        connection.execute(update(mark).values(step=0.25))
    reader.forget(1)
    assert reader.queued() == [("learn", 1), ("forget", 1)]


def test_oldest_marks_beyond_the_most_are_forgotten(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MOST_MARKS", 2)
    for content_id in (1, 2, 3):
        reader.mark(content_id, mail(f"Number {content_id}", "Text"), True)
    with transaction(reader.engine) as connection:
        assert sorted(connection.scalars(select(mark.c.content_id))) == [2, 3]


def test_forgetting_one_verdict_leaves_the_other(reader: Reader) -> None:
    reader.mark(1, OFFER, True)
    reader.mark(2, NEWS, False)
    assert teach.forget(reader.engine, IDS, reader.account_id, (1, 2), is_spam=False) == 1
    with transaction(reader.engine) as connection:
        assert connection.scalars(select(mark.c.content_id)).all() == [1]


def test_message_of_a_million_words_is_one_small_mark(reader: Reader) -> None:
    huge = mail("Words", " ".join(f"word{number}" for number in range(1_000_000)))
    reader.mark(1, huge, True)
    with transaction(reader.engine) as connection:
        view = connection.scalars(select(mark.c.view)).one()
    assert len(view) <= 1024
    assert len(reader.weights()) < 2000


def test_message_outside_has_an_id_of_its_bytes() -> None:
    assert outside_id(b"a\r\n") == outside_id(b"a\n") < 0
    assert outside_id(b"b\n") != outside_id(b"a\n")
