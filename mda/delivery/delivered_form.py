"""The stored form and the delivered form of a message.

Stored is what Postfix handed over, byte for byte. Delivered is what IMAP, POP3 and export show: a prefix of trace
fields that only the final MDA knows, then the stored form less those fields that pretend to be ours (which they are,
csrc/mime/brief.c says). Both the
prefix and the cut spans are fixed at delivery and kept in the row, so that the delivered form never changes under a
UID (RFC 9051 s2.3.1.1).

Delivered-To of other hosts stays: it is theirs, and cutting it would hide a loop from the next forwarder. One that
names this very address is a loop, and the message is refused (RFC 3463 X.4.6).
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from mda import address
from mda.address import Address
from mda.antispam.verdict import Category, Verdict, labels
from mda.envelope import Envelope, Recipient
from mda.errors import InvalidValue
from mda.mime.header_block import HeaderBlock

_CATEGORIES = tuple(category.value for category in Category)
SPAM_FIELD = "X-MDA-Spam"
REASONS_SHOWN = 4
_PREFIX = re.compile(
    rb"Return-Path: <[^\r\n]*>\r\nDelivered-To: [^\r\n]*\r\n(?:X-Original-To: [^\r\n]*\r\n)?(?:%b: [^\r\n]*\r\n)?"
    % SPAM_FIELD.encode()
)


def delivered_to(header: HeaderBlock) -> frozenset[Address]:
    """Keys of the addresses that Delivered-To fields name: for each of them the message is in a loop."""
    return frozenset(filter(None, map(_key, header.values("Delivered-To"))))


def prefix(envelope: Envelope, recipient: Recipient, account_address: str, verdict: Verdict | None) -> bytes:
    """The trace fields on top of the delivered form, each ended by CRLF (RFC 5321 s4.4: Return-Path first)."""
    original = f"X-Original-To: {recipient.original}\r\n" if recipient.original else ""
    spam = "" if verdict is None else f"{SPAM_FIELD}: {_spam_line(verdict)}\r\n"
    return f"Return-Path: <{envelope.reverse_path}>\r\nDelivered-To: {account_address}\r\n{original}{spam}".encode()


def assemble(prefix: bytes, stored: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    """The delivered form."""
    pieces, position = [prefix], 0
    for start, end in spans:
        pieces.append(stored[position:start])
        position = end
    pieces.append(stored[position:])
    return b"".join(pieces)


def without_prefix(delivered: bytes) -> bytes:
    """A delivered form without a prefix of ours: the stored form, unless that had header fields which pretend to be
    ours. What has no such prefix stays as it is."""
    return _PREFIX.sub(b"", delivered, count=1) if _PREFIX.match(delivered) else delivered


def size(prefix: bytes, stored_size: int, spans: Iterable[tuple[int, int]]) -> int:
    """The delivered form's length in octets: RFC822.SIZE."""
    return len(prefix) + stored_size - sum([end - start for start, end in spans])


def _spam_line(verdict: Verdict) -> str:
    """`yes; score=0.9981; reasons=body-words,urls`: the kinds of evidence that speak for the verdict, heaviest first;
    no words of anyone's mail."""
    answer, own = ("yes", verdict.found.for_spam) if verdict.is_spam else ("no", verdict.found.for_ham)
    reasons = _reasons(verdict) if verdict.findings else _hyphened(own)
    return f"{answer}; score={verdict.score:.4f}; reasons={reasons or 'none'}"


def _reasons(verdict: Verdict) -> str:
    """Of a verdict with findings beside the model's."""
    sign = 1 if verdict.is_spam else -1
    weighed = [*zip(labels(_CATEGORIES), verdict.found.categories, strict=True), *verdict.findings]
    speaking = sorted(((weight * sign, label) for label, weight in weighed if weight * sign > 0), key=_heavier)
    return ",".join(label.replace(" ", "-") for _, label in speaking[:REASONS_SHOWN])


@lru_cache(1024)
def _hyphened(categories: bytes) -> str:
    """Of the model's alone, of which the C core has found the heaviest."""
    return ",".join(labels(categories[:REASONS_SHOWN])).replace(" ", "-")


def _heavier(one: tuple[float, str]) -> float:
    return -one[0]


def _key(value: str) -> Address | None:
    try:
        return address.parse(value.strip().removeprefix("<").removesuffix(">")).key
    except InvalidValue:
        return None
