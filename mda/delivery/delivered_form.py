"""The stored form and the delivered form of a message.

Stored is what Postfix handed over, byte for byte. Delivered is what IMAP, POP3 and export show: a prefix of trace
fields that only the final MDA knows, then the stored form less those fields that pretend to be ours. Both the
prefix and the cut spans are fixed at delivery and kept in the row, so that the delivered form never changes under a
UID (RFC 9051 s2.3.1.1).

Delivered-To of other hosts stays: it is theirs, and cutting it would hide a loop from the next forwarder. One that
names this very address is a loop, and the message is refused (RFC 3463 X.4.6).
"""

import re
from collections.abc import Iterable, Sequence

from mda import address
from mda.address import Address
from mda.antispam.verdict import Category, Verdict
from mda.envelope import Envelope, Recipient
from mda.errors import InvalidValue
from mda.mime.message import Message

_LABELS = tuple(category.label for category in Category)
SPAM_FIELD = "X-MDA-Spam"
REASONS_SHOWN = 4

_OURS = ("return-path", "x-original-to")
_OURS_PREFIX = "x-mda-"


_PREFIX = re.compile(
    rb"Return-Path: <[^\r\n]*>\r\nDelivered-To: [^\r\n]*\r\n(?:X-Original-To: [^\r\n]*\r\n)?(?:%b: [^\r\n]*\r\n)?"
    % SPAM_FIELD.encode()
)

_MAYBE_OURS = (b"return-path", b"x-original-to", b"x-mda-", b"delivered-to")
"""A header block without these octets has no such field."""


def ours_in(message: Message) -> tuple[tuple[tuple[int, int], ...], frozenset[Address]]:
    """`forged_spans` and `delivered_to` of a message; most have neither, and are not gone through field by field."""
    block = message.examination.raw[: message.header_size].lower()
    if any(name in block for name in _MAYBE_OURS):
        return forged_spans(message), delivered_to(message)
    return (), frozenset()


def forged_spans(message: Message) -> tuple[tuple[int, int], ...]:
    """(start, end) of each top header field that claims to be ours, in order; adjoining ones are one span."""
    spans: list[tuple[int, int]] = []
    for field in message.fields:
        name = field.name.lower()
        if name not in _OURS and not name.startswith(_OURS_PREFIX):
            continue
        if spans and spans[-1][1] == field.start:
            spans[-1] = (spans[-1][0], field.end)
        else:
            spans.append((field.start, field.end))
    return tuple(spans)


def delivered_to(message: Message) -> frozenset[Address]:
    """Keys of the addresses that Delivered-To fields name: for each of them the message is in a loop."""
    return frozenset(filter(None, map(_key, message.field_values("Delivered-To"))))


def prefix(envelope: Envelope, recipient: Recipient, account_address: str, verdict: Verdict | None) -> bytes:
    """The trace fields on top of the delivered form, each ended by CRLF (RFC 5321 s4.4: Return-Path first)."""
    lines = [f"Return-Path: <{envelope.reverse_path}>", f"Delivered-To: {account_address}"]
    if recipient.original:
        lines.append(f"X-Original-To: {recipient.original}")
    if verdict is not None:
        lines.append(f"{SPAM_FIELD}: {_spam_line(verdict)}")
    return "".join(f"{line}\r\n" for line in lines).encode()


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
    return len(prefix) + stored_size - sum(end - start for start, end in spans)


def _spam_line(verdict: Verdict) -> str:
    """`yes; score=0.9981; reasons=body-words,urls`: the kinds of evidence that speak for the verdict, heaviest first;
    no words of anyone's mail."""
    sign = 1 if verdict.is_spam else -1
    weighed = [*zip(_LABELS, verdict.found.categories, strict=True), *verdict.findings]
    speaking = sorted(((weight * sign, label) for label, weight in weighed if weight * sign > 0), key=_heavier)
    reasons = ",".join(label.replace(" ", "-") for _, label in speaking[:REASONS_SHOWN])
    answer = "yes" if verdict.is_spam else "no"
    return f"{answer}; score={verdict.score:.4f}; reasons={reasons or 'none'}"


def _heavier(one: tuple[float, str]) -> float:
    return -one[0]


def _key(value: str) -> Address | None:
    try:
        return address.parse(value.strip().removeprefix("<").removesuffix(">")).key
    except InvalidValue:
        return None
