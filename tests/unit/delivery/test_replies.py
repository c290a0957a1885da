"""One reply for a recipient with several accounts: temporary before stored before refused."""

import itertools

import pytest

from mda.causes import Cause
from mda.delivery import replies
from mda.metadata.delivery.deliver import Stored

SAVED = Stored(1, 2, "INBOX", 7, 1, 9, 0xABC, False)
AGAIN = Stored(1, 2, "INBOX", 7, 1, 9, 0xABC, True)


@pytest.mark.parametrize(
    ("outcomes", "code", "enhanced"),
    [
        ((SAVED,), 250, "2.0.0"),
        ((AGAIN,), 250, "2.0.0"),
        ((SAVED, Cause.MAILBOX_FULL), 250, "2.0.0"),
        ((Cause.ACCOUNT_DISABLED, SAVED, Cause.MAILBOX_FULL), 250, "2.0.0"),
        ((SAVED, Cause.STORAGE_FULL), 452, "4.3.1"),
        ((Cause.MAILBOX_FULL, SAVED, Cause.ACCOUNT_BUSY), 451, "4.3.2"),
        ((Cause.MAILBOX_FULL, Cause.ACCOUNT_DISABLED), 552, "5.2.2"),
        ((Cause.DELIVERY_LOOP,), 554, "5.4.6"),
    ],
)
def test_the_gravest_speaks(outcomes: tuple[Stored | Cause, ...], code: int, enhanced: str) -> None:
    for order in itertools.permutations(outcomes):
        reply = replies.for_recipient(order, "s1")
        if code < 500 or len(outcomes) == 1:
            assert (reply.code, reply.enhanced) == (code, enhanced)
        else:
            assert reply.is_permanent


def test_the_text_names_the_first_id_and_its_shard() -> None:
    assert str(replies.for_recipient((SAVED,), "s1")) == "250 2.0.0 Saved id=0000000000000abc uid=7 shard=s1"


def test_a_redelivery_says_so() -> None:
    assert "Saved again id=0000000000000abc" in replies.for_recipient((AGAIN,), "s1").text


def test_many_ids_are_counted_not_listed() -> None:
    """The reply stays one line of a few hundred octets (RFC 5321 s4.5.3.1.5: 512)."""
    reply = replies.for_recipient((SAVED,) * 500, "s1")
    assert "and 497 more" in reply.text
    assert len(str(reply)) < 200
