"""What is known of a message before anybody decides anything: its structure, its verdict, its forged fields.

One C call parses and scores (`mda.binding.examine`); the values are read from its flat result. A classifier that
fails leaves the message unclassified and is logged: mail is never held up by the spam filter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mda import binding
from mda.antispam.verdict import Verdict
from mda.delivery import delivered_form
from mda.errors import MdaError
from mda.logs import logger
from mda.mime import message as mime_message
from mda.mime.message import Message


class Judge(Protocol):
    """The classifier's part that inspection needs."""

    @property
    def model(self) -> binding.Model: ...

    def judge(self, examination: binding.Examination, threshold: float) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Inspection:
    """Facts of one message. `judge` gives the verdict at a recipient's threshold, None where not classified."""

    message: Message
    forged_spans: tuple[tuple[int, int], ...]
    size: int
    judge: Callable[[float], Verdict | None]


def inspect(raw: bytes, classifier: Judge | None) -> Inspection:
    """Parse and classify one message as Postfix handed it over (CRLF line ends)."""
    examination = binding.examine(raw, _model_of(classifier))
    message = mime_message.read(examination)

    def judge(threshold: float) -> Verdict | None:
        if classifier is None or examination.spam is None:
            return None
        return classifier.judge(examination, threshold)

    return Inspection(message, delivered_form.forged_spans(message), len(raw), judge)


def _model_of(classifier: Judge | None) -> binding.Model | None:
    if classifier is None:
        return None
    try:
        return classifier.model
    except MdaError as error:
        logger("delivery").error("spam_model_unusable", cause=error.message, remedy=error.remedy)
        return None
