"""mda.causes: the table holds well-formed replies, and nothing of ours is permanent."""

import re

import pytest

from mda.causes import Cause, Reply

OURS = {
    Cause.DATABASE_UNAVAILABLE,
    Cause.STORAGE_UNAVAILABLE,
    Cause.STORAGE_FULL,
    Cause.OVERLOADED,
    Cause.SHUTTING_DOWN,
    Cause.DEADLINE_PASSED,
    Cause.COMMIT_UNKNOWN,
    Cause.INTERNAL_ERROR,
    Cause.DOMAIN_NOT_CONFIGURED,
    Cause.ACCOUNT_BUSY,
    Cause.ACCOUNT_GONE,
}
"""Trouble on our side: the sender must not get a bounce for it."""

PERMANENT = {
    Cause.UNKNOWN_RECIPIENT: "550 5.1.1",
    Cause.ACCOUNT_DISABLED: "550 5.2.1",
    Cause.MAILBOX_FULL: "552 5.2.2",
    Cause.DOMAIN_FULL: "552 5.2.2",  # told only where its use was counted lately
    Cause.MESSAGE_TOO_LARGE: "552 5.3.4",
    Cause.DELIVERY_LOOP: "554 5.4.6",
}
"""The whole list: a new permanent cause must be argued for here."""


@pytest.mark.parametrize("cause", Cause, ids=lambda cause: cause.name)
def test_reply_is_well_formed(cause: Cause) -> None:
    reply = cause.reply
    assert 400 <= reply.code <= 599
    assert re.fullmatch(r"[45]\.\d{1,3}\.\d{1,3}", reply.enhanced), "RFC 3463 s2"
    assert str(reply.code)[0] == reply.enhanced[0], "RFC 2034 s4: the classes agree"
    assert re.fullmatch(r"[\x20-\x7e]+", reply.text), "one line of ASCII"
    assert len(str(reply)) + 2 <= 512, "RFC 5321 s4.5.3.1.5"


@pytest.mark.parametrize("cause", Cause, ids=lambda cause: cause.name)
def test_reply_is_temporary_or_permanent(cause: Cause) -> None:
    assert cause.reply.is_temporary is not cause.reply.is_permanent


def test_our_trouble_is_temporary() -> None:
    assert [cause for cause in OURS if not cause.reply.is_temporary] == []


def test_only_the_listed_causes_are_permanent() -> None:
    permanent = {c: f"{c.reply.code} {c.reply.enhanced}" for c in Cause if c.reply.is_permanent}
    assert permanent == PERMANENT


def test_causes_are_not_aliases_of_each_other() -> None:
    assert len(Cause.__members__) == len(list(Cause)), "two members with equal replies would be one"


def test_reply_is_written_as_one_line() -> None:
    assert str(Reply(550, "5.1.1", "no such mailbox here")) == "550 5.1.1 no such mailbox here"
