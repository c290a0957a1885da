"""The trainer: what waits is learned once, whatever happens to it; one user moves the others by little."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from mda import binding
from mda.antispam.log_odds import log_odds
from mda.antispam.verdict import Category
from mda.errors import StorageUnavailable
from mda.learning import teach
from mda.learning.global_model import MOST_OF_A_USER, STEP, GlobalModel
from mda.learning.trainer import Places, Trainer
from mda.metadata.content.spam_reasons import SpamReasons
from mda.metadata.learning import training
from mda.metadata.mailbox import mailboxes, messages
from mda.metadata.mailbox.messages import Content
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import mark, training_queue
from mda.metadata.schema.words import Role
from tests.unit.learning.conftest import NEWS, OFFER, Reader, mail
from tests.unit.metadata.rows import IDS, make_account, put

POISONED = 1.2
"""The bound of docs/learning.md: log-odds that one user can move any message of others by."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "spam" / "trained.bin"


def make(reader: Reader, place: Path, bodies: dict[int, bytes] | None = None) -> Trainer:
    def read(content: Content) -> bytes:
        return (bodies or {})[content.id]

    return Trainer(reader.engine, Places(read, place), 0.0)


def scored(place: Path, raw: bytes) -> float:
    return log_odds(binding.Model(place).score(binding.features(raw)).probability)


def steps(reader: Reader) -> list[float | None]:
    with transaction(reader.engine) as connection:
        return list(connection.scalars(select(mark.c.step).order_by(mark.c.account_id, mark.c.content_id)))


def readers(reader: Reader, count: int) -> Iterator[Reader]:
    for number in range(count):
        account = make_account(reader.engine, f"user{number}@example.org")
        yield Reader(reader.engine, account.id, reader.pupil)


def test_marks_of_many_move_everybodys_model(reader: Reader, place: Path) -> None:
    before = reader.lesson(1, OFFER).base
    for one in readers(reader, 10):
        one.mark(1, OFFER, True)
    assert make(reader, place).round() == 10
    assert reader.queued() == []
    assert scored(place, OFFER) > before + 0.3
    assert abs(scored(place, NEWS) - reader.lesson(1, NEWS).base) < 0.3


def test_forgotten_marks_leave_the_base_model(reader: Reader, place: Path) -> None:
    reader.mark(1, OFFER, True)
    trainer = make(reader, place)
    trainer.round()
    assert place.read_bytes()[96:] != reader.pupil.model.weights.raw_weights
    reader.forget(1)
    trainer.round()
    assert place.read_bytes()[96:] == reader.pupil.model.weights.raw_weights
    assert make(reader, place).round() == 0


def test_forgotten_while_no_trainer_ran_is_taken_back_once(reader: Reader, place: Path) -> None:
    reader.mark(1, OFFER, True)
    make(reader, place).round()
    reader.forget(1)
    assert make(reader, place).round() == 1
    assert place.read_bytes()[96:] == reader.pupil.model.weights.raw_weights


def test_restarted_trainer_writes_the_same_model(reader: Reader, place: Path) -> None:
    for one in readers(reader, 3):
        one.mark(1, OFFER, True)
        one.mark(2, NEWS, False)
    make(reader, place).round()
    first = place.read_bytes()
    place.unlink()
    assert make(reader, place).round() == 0
    assert place.read_bytes() == first


def test_death_before_the_commit_learns_nothing_twice(
    reader: Reader, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.mark(1, OFFER, True)
    trainer = make(reader, place)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mda.learning.trainer.weigh", die)
        with pytest.raises(KeyboardInterrupt):
            trainer.round()
    assert steps(reader) == [None]
    assert trainer.round() == 1
    learned = place.read_bytes()
    place.unlink()
    make(reader, place).round()
    assert place.read_bytes() == learned


def test_changed_mind_takes_the_first_lesson_back(reader: Reader, place: Path) -> None:
    trainer = make(reader, place)
    reader.mark(1, OFFER, True)
    trainer.round()
    reader.mark(1, OFFER, False)
    trainer.round()
    (step,) = steps(reader)
    assert step is not None
    assert step < 0
    assert scored(place, OFFER) <= reader.lesson(1, OFFER).base + 0.01


def test_move_into_junk_is_learned_from_the_body(reader: Reader, place: Path) -> None:
    mailboxes.create(reader.engine, IDS, reader.account_id, "Junk", Role.JUNK)
    found = put(reader.engine, reader.account_id)
    entry = messages.find(reader.engine, reader.account_id, "INBOX", found.uid)
    messages.move(reader.engine, IDS, reader.account_id, [entry], "Junk")
    assert make(reader, place, {found.content_id: OFFER}).round() == 1
    assert reader.correction(OFFER) > 1.0
    entry = messages.find(reader.engine, reader.account_id, "Junk", 1)
    messages.move(reader.engine, IDS, reader.account_id, [entry], "INBOX")
    assert make(reader, place).round() == 1
    assert reader.correction(OFFER) <= 0.0


def test_body_that_can_not_be_read_waits(reader: Reader, place: Path) -> None:
    found = put(reader.engine, reader.account_id)
    with transaction(reader.engine) as connection:
        values = {"account_id": reader.account_id, "content_id": found.content_id, "is_spam": True}
        connection.execute(training_queue.insert().values(id=1, **values))
        connection.execute(mark.insert().values(source="move", **values))

    def fail(content: Content) -> bytes:
        raise StorageUnavailable("the disk is away")

    trainer = Trainer(reader.engine, Places(fail, place), 0.0)
    assert trainer.round() == 0
    assert len(reader.queued()) == 1
    assert make(reader, place, {found.content_id: OFFER}).round() == 1


def test_poisoned_marks_of_one_user_move_the_others_by_little(reader: Reader, place: Path) -> None:
    mails = [
        mail(f"Garden club meeting {number}", f"The garden club meets to plant roses {number}.") for number in range(60)
    ]
    for number, raw in enumerate(mails):
        reader.mark(number + 1, raw, True)
    assert make(reader, place).round() == 60
    moved = [scored(place, raw) - reader.lesson(1, raw).base for raw in [NEWS, *mails]]
    assert max(moved) < POISONED
    assert STEP * binding.VIEW_FEATURES**0.5 * MOST_OF_A_USER < POISONED  # a message that is all view


def test_purged_marks_ask_for_a_rebuild(reader: Reader, place: Path) -> None:
    reader.mark(1, OFFER, True)
    trainer = make(reader, place)
    trainer.round()
    with transaction(reader.engine) as connection:
        connection.execute(mark.delete())
        training.ask_to_rebuild(connection)
    trainer.round()
    assert place.read_bytes()[96:] == reader.pupil.model.weights.raw_weights
    assert not training.take_rebuild(reader.engine)


def test_marks_of_other_features_are_left_out(reader: Reader, place: Path) -> None:
    reader.mark(1, OFFER, True)
    make(reader, place).round()
    with transaction(reader.engine) as connection:
        connection.execute(update(mark).values(feature_version=binding.FEATURE_VERSION - 1))
    make(reader, place).round()
    assert place.read_bytes()[96:] == reader.pupil.model.weights.raw_weights


def test_stored_messages_are_read_again_with_new_features(reader: Reader, place: Path) -> None:
    found = put(reader.engine, reader.account_id)
    reader.mark(found.content_id, OFFER, True)
    make(reader, place).round()
    weights, learned = reader.weights(), place.read_bytes()
    with transaction(reader.engine) as connection:
        connection.execute(update(mark).values(feature_version=binding.FEATURE_VERSION - 1, view=b"old!"))
    assert make(reader, place, {found.content_id: OFFER}).round() == 1
    assert reader.weights() == weights
    assert place.read_bytes() == learned


def test_a_moved_message_is_learned_as_its_delivery_saw_it(reader: Reader, place: Path) -> None:
    reasons = {"model": "x", "reasons": [["subject", 1, 1.0]], "campaign": [7, 40], "proof": "passed"}
    found = put(reader.engine, reader.account_id, spam_reasons=reasons)
    reader.mark(found.content_id, OFFER, True)
    with transaction(reader.engine) as connection:  # as a move into Junk leaves it: nobody has read the message
        connection.execute(update(mark).values(feature_version=None, view=None, base=None))
    make(reader, place, {found.content_id: OFFER}).round()
    with transaction(reader.engine) as connection:
        kept = connection.execute(select(mark.c.view, mark.c.campaign)).one()
    assert kept.view == binding.view(binding.features(OFFER, 40, "passed")) != binding.view(binding.features(OFFER, 40))
    assert kept.campaign == 7


def test_marks_teach_everybodys_model_what_comes_in_numbers(reader: Reader, place: Path) -> None:
    for one in readers(reader, 10):
        teach.teach(
            one.engine, IDS, one.account_id, [one.pupil.read(1, OFFER, SpamReasons(campaign=(7, 40)))], True, "test"
        )
    make(reader, place).round()
    campaign = Category.CAMPAIGN.value
    assert binding.Model(place).score(binding.features(NEWS, 40)).categories[campaign] > 0
    assert binding.Model(place).score(binding.features(NEWS)).categories[campaign] == 0


def test_campaigns_count_less_with_each_mark(reader: Reader) -> None:
    model = GlobalModel(reader.pupil.model)
    lesson = reader.lesson(1, OFFER)
    alone = model.step(1, 7, lesson.view, lesson.base, True)
    for account_id in range(2, 12):
        model.add(training.Learned(account_id, 7, lesson.view, 0.0))
    assert model.step(1, 7, lesson.view, lesson.base, True) == pytest.approx(alone / 11)
    assert model.step(1, None, lesson.view, lesson.base, True) == alone
