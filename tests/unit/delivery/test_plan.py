"""Where a copy goes: every rule of the plan, on messages that are really parsed."""

import pytest

from mda.address import Address
from mda.antispam.classifier import Classifier
from mda.antispam.verdict import Verdict
from mda.binding import SpamScore
from mda.causes import Cause
from mda.delivery import plan
from mda.delivery.inspect import Inspection, inspect
from mda.delivery.plan import Placement, Policy
from mda.envelope import Envelope, Recipient
from mda.metadata.delivery.deliver import Destination
from mda.metadata.directory.resolve import Target
from mda.settings import OverQuota

RAW = b"From: a@example.org\r\nTo: anna@example.org\r\nSubject: hello\r\n\r\nText\r\n"
REJECT = Policy(OverQuota.REJECT, 0.9)
DEFER = Policy(OverQuota.DEFER, 0.9)
RECIPIENT = Recipient(Address("anna", "example.org"))
ENVELOPE = Envelope("a@example.org", (RECIPIENT,))


def make_target(**changes: object) -> Target:
    values: dict[str, object] = {
        "account_id": 1,
        "address": "anna@example.org",
        "shard_id": 1,
        "is_enabled": True,
        "quota_bytes": None,
        "quota_messages": None,
        "used_bytes": 0,
        "used_messages": 0,
        "detail": "",
        "detail_mailbox_id": None,
        "spam_threshold": None,
    }
    return Target(**(values | changes))  # type: ignore[arg-type]


def inspected(raw: bytes, score: float | None = None) -> Inspection:
    """A real inspection whose score is set."""

    class Judge:
        model = Classifier().model

        def judge(self, _: SpamScore | None, threshold: float) -> Verdict:
            assert score is not None
            return Verdict(score >= threshold, score, threshold, SpamScore(bytes(1000), "1"), "1", 1)

    return inspect(raw, None if score is None else Judge())


def place(
    raw: bytes = RAW, score: float | None = None, policy: Policy = REJECT, target: Target | None = None
) -> Placement | Cause:
    return plan.place(target or make_target(), RECIPIENT, ENVELOPE, inspected(raw, score), policy)


def placed(answer: Placement | Cause) -> Placement:
    assert isinstance(answer, Placement)
    return answer


def test_mail_goes_to_the_inbox() -> None:
    assert placed(place(score=0.1)).destination is Destination.INBOX


def test_unclassified_mail_goes_to_the_inbox_without_a_spam_field() -> None:
    answer = placed(place())
    assert answer.destination is Destination.INBOX
    assert b"X-MDA-Spam" not in answer.prefix


def test_spam_goes_to_junk_from_the_threshold_on() -> None:
    assert placed(place(score=0.9)).destination is Destination.JUNK
    assert placed(place(score=0.8999)).destination is Destination.INBOX


def test_an_account_sets_its_own_threshold() -> None:
    assert placed(place(score=0.5, target=make_target(spam_threshold=0.4))).destination is Destination.JUNK
    assert placed(place(score=0.95, target=make_target(spam_threshold=0.99))).destination is Destination.INBOX


def test_the_detail_names_the_mailbox_but_not_for_spam() -> None:
    assert placed(place(score=0.1, target=make_target(detail="work", detail_mailbox_id=77))).destination == 77
    assert (
        placed(place(score=0.99, target=make_target(detail="work", detail_mailbox_id=77))).destination
        is Destination.JUNK
    )


@pytest.mark.parametrize(
    ("changes", "rejected", "deferred"),
    [
        ({"is_enabled": False}, Cause.ACCOUNT_DISABLED, Cause.ACCOUNT_DISABLED),
        ({"quota_bytes": len(RAW) - 1}, Cause.MAILBOX_FULL, Cause.MAILBOX_FULL_FOR_NOW),
        ({"quota_bytes": 1000, "used_bytes": 1001 - len(RAW)}, Cause.MAILBOX_FULL, Cause.MAILBOX_FULL_FOR_NOW),
        ({"quota_messages": 3, "used_messages": 3}, Cause.MAILBOX_FULL, Cause.MAILBOX_FULL_FOR_NOW),
    ],
)
def test_refusals(changes: dict[str, object], rejected: Cause, deferred: Cause) -> None:
    assert place(policy=REJECT, target=make_target(**changes)) is rejected
    assert place(policy=DEFER, target=make_target(**changes)) is deferred


@pytest.mark.parametrize("changes", [{"quota_bytes": len(RAW)}, {"quota_messages": 3, "used_messages": 2}])
def test_a_quota_that_is_just_met_takes_the_message(changes: dict[str, object]) -> None:
    placed(place(target=make_target(**changes)))


@pytest.mark.parametrize("value", ["anna@example.org", "<Anna@Example.ORG>", " anna@example.org "])
def test_a_message_that_was_here_before_is_a_loop(value: str) -> None:
    assert place(b"Delivered-To: " + value.encode() + b"\r\n" + RAW) is Cause.DELIVERY_LOOP


@pytest.mark.parametrize("value", ["ben@example.org", "anna", "", '"', "anna@example.org.example.net"])
def test_other_delivered_to_fields_are_no_loop_and_stay(value: str) -> None:
    answer = placed(place(b"Delivered-To: " + value.encode() + b"\r\n" + RAW))
    assert answer.delivered_size == len(answer.prefix) + len(RAW) + len("Delivered-To: \r\n") + len(value)


def test_the_prefix_tells_what_only_the_last_host_knows() -> None:
    recipient = Recipient(Address("anna+work", "example.org"), original="info@example.net")
    answer = placed(plan.place(make_target(), recipient, Envelope("", (recipient,)), inspected(RAW, 0.25), REJECT))
    assert answer.prefix == (
        b"Return-Path: <>\r\n"
        b"Delivered-To: anna@example.org\r\n"
        b"X-Original-To: info@example.net\r\n"
        b"X-MDA-Spam: no; score=0.2500; reasons=none\r\n"
    )
