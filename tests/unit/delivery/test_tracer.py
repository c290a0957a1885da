"""The tracer beside deliveries: whatever happens to a trace, the mail is stored and its answer goes out."""

from typing import Any

import pytest

from mda.address import Address
from mda.causes import Cause
from mda.delivery.metered import Stopwatch
from mda.delivery.tracer import Tracer
from mda.envelope import Peer, Recipient
from mda.trace import Page, from_page


def test_a_message_that_can_not_be_noted_fails_no_delivery() -> None:
    pages: list[Page] = []
    tracer = Tracer(pages.append, Stopwatch(), str)
    unreadable: Any = object()
    tracer.note(unreadable, (), (), 0.0, 0.1)
    tracer.close()
    assert pages == []


@pytest.mark.parametrize(
    "odd", [Recipient(Address("b\ud800", "example.org")), object()], ids=["unwritable", "unreadable"]
)
def test_what_can_not_be_written_costs_only_itself(odd: Any) -> None:
    pages: list[Page] = []
    tracer = Tracer(pages.append, Stopwatch(), str)
    for recipient in (Recipient(Address("a", "example.org")), odd, Recipient(Address("c", "example.org"))):
        tracer.refused(recipient, "", Peer(), Cause.UNKNOWN_RECIPIENT)
    tracer.close()
    entries = [entry for page in pages for entry in from_page(page.raw)]
    assert [entry.copies[0].recipient for entry in entries] == ["a@example.org", "c@example.org"]
