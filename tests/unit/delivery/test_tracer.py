"""The tracer beside deliveries: whatever happens to a trace, the mail is stored and its answer goes out."""

from typing import Any

from mda.delivery.metered import Stopwatch
from mda.delivery.tracer import Tracer
from mda.trace import Page


def test_a_message_that_can_not_be_noted_fails_no_delivery() -> None:
    pages: list[Page] = []
    tracer = Tracer(pages.append, Stopwatch(), str)
    unreadable: Any = object()
    tracer.note(unreadable, (), (), 0.1)
    tracer.close()
    assert pages == []
