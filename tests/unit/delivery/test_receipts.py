"""Which tries have one digest, and which mails must not share one."""

import hashlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from mda.address import Address
from mda.delivery import receipts

BODY = b"From: a@example.org\r\nSubject: hello\r\n\r\nText\r\n"
STAMP = (
    b"Received: from client.example.org (client.example.org [192.0.2.1])\r\n"
    b"\tby mx.example.org (Postfix) with ESMTP id 4ABCdef12zXyz\r\n"
    b"\tfor <bob@example.org>; Mon,  2 Nov 2026 10:00:00 +0000 (UTC)\r\n"
)
REQUEUED = (
    b"Received: by mx.example.org (Postfix, from userid 101)\r\n"
    b"\tid 4NEWid0000zAbc; Mon,  2 Nov 2026 11:00:00 +0000 (UTC)\r\n"
)
OTHER_HOST = REQUEUED.replace(b"mx.example.org", b"relay.example.net")


def test_the_same_bytes_have_the_same_digest_whatever_the_queue_id() -> None:
    """Postfix's own Received tells mails apart, so the queue id of the try is no part of the digest."""
    first = receipts.message_digest(STAMP + BODY, queue_id="4ABCdef12zXyz")
    assert first is not None
    assert first == receipts.message_digest(STAMP + BODY, queue_id="another")
    assert first == receipts.message_digest(STAMP + BODY)


@pytest.mark.parametrize("above", [b"", REQUEUED, BODY])
def test_a_known_digest_of_the_bytes_changes_nothing(above: bytes) -> None:
    raw = above + STAMP + BODY
    known = hashlib.sha256(raw).digest()
    assert receipts.message_digest(raw, "4A", raw_digest=known) == receipts.message_digest(raw, "4A")


def test_a_known_digest_of_the_bytes_is_not_made_again() -> None:
    assert receipts.message_digest(STAMP + BODY, raw_digest=b"known") == b"known"


def test_the_same_text_sent_twice_has_two_digests() -> None:
    again = STAMP.replace(b"4ABCdef12zXyz", b"4ABCdef99zXyz")
    assert receipts.message_digest(STAMP + BODY) != receipts.message_digest(again + BODY)


def test_a_change_in_the_body_is_another_mail() -> None:
    assert receipts.message_digest(STAMP + BODY) != receipts.message_digest(STAMP + BODY + b"x")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_requeueing_changes_nothing(times: int) -> None:
    """postsuper -r puts a Received on top, once for each time."""
    assert receipts.message_digest(REQUEUED * times + STAMP + BODY) == receipts.message_digest(STAMP + BODY)


def test_requeueing_is_known_by_the_mail_owner() -> None:
    """A user who submits the same bytes again does so under a user id of their own: a new mail."""
    plain = receipts.message_digest(STAMP + BODY, requeue_uid=101)
    assert receipts.message_digest(REQUEUED + STAMP + BODY, requeue_uid=101) == plain
    assert receipts.message_digest(REQUEUED + STAMP + BODY, requeue_uid=102) != plain


def test_a_requeue_stamp_of_another_host_stays() -> None:
    assert receipts.message_digest(OTHER_HOST + STAMP + BODY) != receipts.message_digest(STAMP + BODY)


def test_a_local_submission_keeps_its_only_stamp() -> None:
    """`Received: by H (Postfix, from userid N)` with no other Received beneath is the mail's own."""
    assert receipts.message_digest(REQUEUED + BODY) != receipts.message_digest(
        REQUEUED.replace(b"4NEWid", b"4OTHER") + BODY
    )


@pytest.mark.parametrize(
    "raw", [BODY, b"", b"Received: from x by y with SMTP id 1\r\n" + BODY, b"Received: by mx (Postfix", b"\r\n" + STAMP]
)
def test_without_postfix_stamp_the_queue_id_tells_mails_apart(raw: bytes) -> None:
    assert receipts.message_digest(raw) is None
    first = receipts.message_digest(raw, queue_id="4A")
    assert first is not None
    assert first == receipts.message_digest(raw, queue_id="4A")
    assert first != receipts.message_digest(raw, queue_id="4B")


def test_lf_and_crlf_stamps_are_both_read() -> None:
    """mda-pipe sends CRLF; a message given to the library may have LF."""
    assert receipts.message_digest((STAMP + BODY).replace(b"\r\n", b"\n")) is not None


def test_detail_and_reverse_path_are_part_of_a_delivery_and_case_is_not() -> None:
    message = b"m" * 32
    base = receipts.delivery_digest(message, "s@example.org", Address("user+a", "example.org"))
    assert len(base) == receipts.DIGEST_BYTES
    assert base == receipts.delivery_digest(message, "s@example.org", Address("User+A", "EXAMPLE.org"))
    assert base != receipts.delivery_digest(message, "s@example.org", Address("user+b", "example.org"))
    assert base != receipts.delivery_digest(message, "", Address("user+a", "example.org"))
    assert base != receipts.delivery_digest(b"n" * 32, "s@example.org", Address("user+a", "example.org"))


PIECES = some.sampled_from(
    (
        *(
            b"Received:",
            b"received: from ",
            b" from ",
            b" by ",
            b"\tBY ",
            b"mx.example.org",
            b" (Postfix)",
            b" (Postfix",
        ),
        *(
            b" (Postfix, from userid 101)",
            b"\r\n\t",
            b"\n ",
            b"\r\n",
            b"\n",
            b";",
            b"(",
            b")",
            b"a",
            b" ",
            b"\r\n\r\n",
            b":",
        ),
        *(b"x" * 1000, b"\r\n" + REQUEUED, b"\r\n" + STAMP),
    )
)
MAILS = some.builds(
    lambda first, pieces: first + b"".join(pieces),
    some.sampled_from((b"", STAMP, REQUEUED, b"Received: from a\r\n\tby b (Postfix)", b"Received: from a")),
    some.lists(PIECES),
)


@settings(max_examples=2000, deadline=None)
@given(MAILS)
@example(b"Received: from a by b (Postfix)")
@example(b"Received: from a by b (Postfix)" + b"x" * 20_000 + b"\r\n")
@example(b"Received: from a\r\n by b (Postfix)" + b"\r\n x" * 6_000 + b"\r\n")
@example(b"Received: from by (Postfix)\r\n")
def test_what_is_plainly_stamped_has_the_digest_of_a_close_look(raw: bytes) -> None:
    quick = [receipts.message_digest(raw, queue_id, 101) for queue_id in ("", "4A")]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(receipts, "_is_plainly_stamped", lambda _: False)
        assert quick == [receipts.message_digest(raw, queue_id, 101) for queue_id in ("", "4A")]


def test_stamp_of_postfix_is_plain() -> None:
    assert receipts._is_plainly_stamped(STAMP + BODY)
    assert not receipts._is_plainly_stamped(REQUEUED + STAMP + BODY)
