"""A user's marks, set and taken back: in one transaction with the user's weights, which count from then on.

    teach    marks messages; those marked so already change nothing
    forget   takes marks back; the weights are then what they would be without them, to the byte
    weigh    makes the weights again, of the marks that there are

The global model follows when the trainer gets to it: each change leaves a row in its queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mda.antispam import personal
from mda.binding import FEATURE_VERSION, LearnedMark
from mda.identifiers import IdentifierSource
from mda.learning.lesson import Lesson
from mda.metadata.learning import notebook
from mda.metadata.learning.notebook import Mark, Notebook, Weighed
from mda.metadata.postgresql.opened import Handle
from mda.metadata.schema import words


@dataclass(frozen=True, slots=True)
class Taught:
    """How many marks are new or changed, and how many were there."""

    changed: int
    known: int


def teach(
    handle: Handle,
    identifiers: IdentifierSource,
    account_id: int,
    lessons: Sequence[Lesson],
    is_spam: bool,
    source: str,
    *,
    is_rehearsal: bool = False,
) -> Taught:
    """Marks messages as spam or ham."""
    wanted = {lesson.content_id: lesson for lesson in lessons}
    with notebook.opened(handle, identifiers, account_id, is_rehearsal=is_rehearsal) as notes:
        known = notes.find(tuple(wanted))
        fresh = [
            _mark(lesson, is_spam, source)
            for lesson in wanted.values()
            if not _is_learned(known.get(lesson.content_id), is_spam)
        ]
        if fresh:
            notes.write(fresh)
            notes.queue(words.Lesson.LEARN, fresh)
            _drop(notes, notes.surplus())
            weigh(notes)
    return Taught(len(fresh), len(wanted) - len(fresh))


def forget(
    handle: Handle,
    identifiers: IdentifierSource,
    account_id: int,
    content_ids: Sequence[int],
    is_spam: bool | None,
    *,
    is_rehearsal: bool = False,
) -> int:
    """Takes marks back, those of one verdict where `is_spam` is given; how many there were."""
    with notebook.opened(handle, identifiers, account_id, is_rehearsal=is_rehearsal) as notes:
        known = notes.find(tuple(content_ids))
        gone = _drop(notes, [one.content_id for one in known.values() if is_spam in (None, one.is_spam)])
        if gone:
            weigh(notes)
    return gone


def weigh(notes: Notebook) -> None:
    """Makes the account's weights of its marks and correspondents."""
    marks = notes.newest(personal.MOST_MARKS_USED, FEATURE_VERSION)
    learned = [LearnedMark(one.view or b"", one.base or 0.0, one.is_spam) for one in marks]
    made = personal.learn(notes.account_id, learned, notes.correspondents(personal.MOST_CORRESPONDENTS))
    spam = sum(one.is_spam for one in marks)
    notes.write_weights(Weighed(personal.pack(made), FEATURE_VERSION, len(marks) - spam, spam))


def _drop(notes: Notebook, content_ids: Sequence[int]) -> int:
    if not content_ids:
        return 0
    gone = notes.drop(content_ids)
    notes.queue(words.Lesson.FORGET, [one for one in gone if one.step])
    return len(gone)


def _is_learned(known: Mark | None, is_spam: bool) -> bool:
    return known is not None and known.is_spam is is_spam and known.feature_version == FEATURE_VERSION


def _mark(lesson: Lesson, is_spam: bool, source: str) -> Mark:
    return Mark(lesson.content_id, is_spam, source, lesson.view, FEATURE_VERSION, lesson.base, lesson.campaign)
