"""The copies of one message: one per recipient and account, each with its placement or the cause why it has none."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from mda.causes import Cause
from mda.delivery.inspect import Inspection
from mda.delivery.plan import Placement, Policy, place
from mda.envelope import Envelope, Recipient
from mda.metadata.directory.resolve import Target


class Accepted(msgspec.Struct, frozen=True):
    """A recipient that may send DATA, and the accounts behind it, those included that will refuse."""

    recipient: Recipient
    targets: tuple[Target, ...]
    is_remembered: bool = False
    """By an earlier look-up, and not by one for this message."""


class Message(msgspec.Struct, frozen=True):
    """One message in hand: how it came, its bytes, and what is known of it."""

    envelope: Envelope
    raw: bytes
    inspection: Inspection
    digest: bytes | None
    """Of `receipts.message_digest`; None: no receipts for it."""
    received_at: datetime
    raw_digest: bytes | None = None
    """SHA-256 of `raw`; None: not known yet."""


class Copy(msgspec.Struct, frozen=True):
    """One account's copy for one recipient. `number` is the recipient's place in the envelope."""

    number: int
    recipient: Recipient
    target: Target
    decision: Placement | Cause
    content_id: int


def plan_copies(
    message: Message, accepted: Sequence[Accepted], policy: Policy, next_id: Callable[[], int]
) -> tuple[Copy, ...]:
    """Every copy with its decision; pure but for the identifiers that it draws."""
    return tuple(
        [
            Copy(
                number,
                one.recipient,
                target,
                place(target, one.recipient, message.envelope, message.inspection, policy),
                next_id(),
            )
            for number, one in enumerate(accepted)
            for target in one.targets
        ]
    )
