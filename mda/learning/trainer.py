"""The trainer: reads what users have moved or marked, and teaches the user's weights and everybody's model.

A row of the queue goes in the transaction that writes what was learned of it, so that a trainer that dies anywhere has
learned each mark once or not yet. The global model's file follows every few seconds; its sums are in memory alone and
are made again of the marks at a start, or after any trouble. Several trainers may run, on one machine or on many: rows
that another has locked are left to it; each writes its own machine's file, and learns of the others' marks at a start
or with the next rebuild.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mda.binding import FEATURE_VERSION
from mda.errors import MdaError, NotFound
from mda.identifiers import IdentifierSource
from mda.learning import global_model, thresholds
from mda.learning.global_model import GlobalModel
from mda.learning.lesson import Lesson, Pupil
from mda.learning.teach import weigh
from mda.logs import logger
from mda.metadata.learning import notebook, training
from mda.metadata.learning.notebook import Mark, Notebook
from mda.metadata.learning.training import Learned, Waiting
from mda.metadata.mailbox import messages
from mda.metadata.mailbox.messages import Content
from mda.metadata.postgresql.opened import Handle
from mda.metadata.schema import words

AT_ONCE = 100
"""Rows of one account in one transaction, and accounts of one round."""

REFRESH_SECONDS = 3600.0
"""After so long the sums are made again, with what other machines' trainers have learned, and thresholds follow."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the trainer reads bodies and writes its model."""

    read_body: Callable[[Content], bytes]
    trained_model: Path
    base_model: Path | None = None


class Trainer:
    """One trainer; used from one thread."""

    def __init__(self, handle: Handle, places: Places, write_seconds: float) -> None:
        self._handle = handle
        self._places = places
        self._write_seconds = write_seconds
        self._identifiers = IdentifierSource()
        self._pupil = Pupil(places.base_model)
        self._model = GlobalModel(self._pupil.model)
        self._reload_at = 0.0
        self._write_at = 0.0
        self._follow_at = 0.0
        self._is_changed = False
        self._is_begun = False

    def round(self) -> int:
        """Learns what waits, and writes the model when it is time to; how many rows were done."""
        if time.monotonic() >= self._reload_at or training.take_rebuild(self._handle):
            self._reload()
        if time.monotonic() >= self._follow_at:
            thresholds.follow(self._handle)
            self._follow_at = time.monotonic() + REFRESH_SECONDS
        done = sum(self._learn_account(one) for one in training.accounts_waiting(self._handle, AT_ONCE))
        if self._is_changed and time.monotonic() >= self._write_at:
            self.write()
        return done

    def write(self) -> None:
        """Writes the model, if it has changed."""
        if not self._is_changed:
            return
        global_model.write(self._places.trained_model, self._model.packed())
        self._is_changed = False
        self._write_at = time.monotonic() + self._write_seconds
        logger("trainer").info("model_written", marks=self._model.mark_count, file=str(self._places.trained_model))

    def doubt(self) -> None:
        """What is in memory may not be what is committed: the next round begins with the marks."""
        self._reload_at = 0.0

    def _reload(self) -> None:
        if not self._is_begun:
            training.requeue_outdated(self._handle, self._identifiers, FEATURE_VERSION)
            self._is_begun = True
        self._model.reload(training.learned(self._handle, FEATURE_VERSION))
        self._reload_at = time.monotonic() + REFRESH_SECONDS
        self._is_changed = self._is_changed or bool(self._model.mark_count) or self._places.trained_model.exists()
        self._write_at = 0.0

    def _learn_account(self, account_id: int) -> int:
        rows = training.waiting(self._handle, account_id, AT_ONCE)
        lessons, unreadable = self._read(account_id, rows)
        if unreadable:
            training.postpone(self._handle, account_id, [row.id for row in rows if row.content_id in unreadable])
        rows = tuple(row for row in rows if row.content_id not in unreadable)
        try:
            with notebook.opened(self._handle, self._identifiers, account_id) as notes:
                taken = notes.take([row.id for row in rows])
                self._learn(notes, [row for row in rows if row.id in taken], lessons)
        except NotFound:  # the account is being purged, and its rows go with it
            self.doubt()
            return 0
        except BaseException:
            self.doubt()
            raise
        return len(taken)

    def _read(self, account_id: int, rows: Sequence[Waiting]) -> tuple[dict[int, Lesson], frozenset[int]]:
        """The messages of marks that nobody has read yet; and which of them can't be read now."""
        wanted = [row.content_id for row in rows if row.lesson is words.Lesson.LEARN]
        lessons: dict[int, Lesson] = {}
        unreadable: set[int] = set()
        for content_id in training.unread(self._handle, account_id, wanted, FEATURE_VERSION):
            try:
                content = messages.open_content(self._handle, account_id, content_id)
                lessons[content_id] = self._pupil.read(
                    content_id, self._places.read_body(content), content.spam_reasons
                )
            except NotFound:
                continue
            except MdaError as error:
                logger("trainer").error("message_unreadable", error=error.message, remedy=error.remedy)
                unreadable.add(content_id)
        return lessons, frozenset(unreadable)

    def _learn(self, notes: Notebook, rows: Sequence[Waiting], lessons: dict[int, Lesson]) -> None:
        for row in rows:
            if row.lesson is words.Lesson.FORGET and row.view is not None and row.step is not None:
                self._model.take_back(Learned(notes.account_id, None, row.view, row.step))
                self._is_changed = True
        marks = notes.find([row.content_id for row in rows if row.lesson is words.Lesson.LEARN])
        for mark in marks.values():
            self._learn_mark(notes, _with(notes, mark, lessons.get(mark.content_id)))
        if marks:
            weigh(notes)

    def _learn_mark(self, notes: Notebook, mark: Mark) -> None:
        if mark.view is None or mark.base is None or mark.feature_version != FEATURE_VERSION:
            return
        if mark.step is not None:
            if (mark.step > 0) is mark.is_spam:
                return  # learned already: the row is of the same mark
            self._model.take_back(Learned(notes.account_id, mark.campaign, mark.view, mark.step))
        step = self._model.step(notes.account_id, mark.campaign, mark.view, mark.base, mark.is_spam)
        notes.note_step(mark.content_id, step)
        self._model.add(Learned(notes.account_id, mark.campaign, mark.view, step))
        self._is_changed = True


def _with(notes: Notebook, mark: Mark, lesson: Lesson | None) -> Mark:
    """The mark with what its message is like, noted. What it taught with other features is not in the model."""
    if lesson is None:
        return mark
    notes.note(lesson.content_id, lesson.view, FEATURE_VERSION, lesson.base, lesson.campaign)
    read = replace(mark, view=lesson.view, feature_version=FEATURE_VERSION, base=lesson.base, campaign=lesson.campaign)
    return read if mark.feature_version is None else replace(read, step=None)
