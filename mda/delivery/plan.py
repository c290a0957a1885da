"""Where one account's copy of a message goes: pure, facts and verdicts in, a placement or a refusal out.

Nothing here reads a clock, a database or a file. The order of the rules is the order of the checks below; the first
that refuses names the cause.
"""

from dataclasses import dataclass

import msgspec

from mda import address, quota
from mda.antispam.verdict import Verdict
from mda.causes import Cause
from mda.delivery import delivered_form, evidence
from mda.delivery.inspect import Inspection
from mda.envelope import Envelope, Recipient
from mda.metadata.delivery.deliver import Destination
from mda.metadata.directory.resolve import DomainUsage, Target
from mda.settings import OverQuota


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings say about every delivery."""

    over_quota: OverQuota
    spam_threshold: float
    """Probability from which a message is spam, where neither the account nor its domain sets one."""
    front_weight: float = 0.0
    """Log-odds of spam that the yes of a filter in front is worth."""
    grace_percent: int = 0
    """Of a quota (`mda.quota`), where neither the account nor its domain sets one."""


class Placement(msgspec.Struct, frozen=True):
    """One account's copy: its mailbox, its prefix, and the verdict that decided."""

    target: Target
    destination: Destination | int
    """INBOX, JUNK, or the id of the mailbox that the address's detail names."""
    prefix: bytes
    delivered_size: int
    verdict: Verdict | None


def admit(target: Target, size: int, policy: Policy) -> Cause | None:
    """Why this account can't take a message of `size` octets (0: not known yet), or None.

    Asked at RCPT with the announced size, and again with the real one.
    """
    if not target.is_enabled:
        return Cause.ACCOUNT_DISABLED
    is_final = policy.over_quota is OverQuota.REJECT
    if not _takes(target, size, policy):
        return Cause.MAILBOX_FULL if is_final else Cause.MAILBOX_FULL_FOR_NOW
    if target.domain is not None and not _takes(target.domain, size, policy):
        return Cause.DOMAIN_FULL if is_final and target.domain.is_fresh else Cause.DOMAIN_FULL_FOR_NOW
    return None


def _takes(limited: Target | DomainUsage, size: int, policy: Policy) -> bool:
    grace = policy.grace_percent if limited.grace_percent is None else limited.grace_percent
    return quota.takes(limited, size, grace)


def place(
    target: Target, recipient: Recipient, envelope: Envelope, inspection: Inspection, policy: Policy
) -> Placement | Cause:
    """The placement of one message for one account."""
    refusal = admit(target, inspection.size, policy)
    if refusal:
        return refusal
    if inspection.delivered_to and address.parse(target.address).key in inspection.delivered_to:
        return Cause.DELIVERY_LOOP
    threshold = policy.spam_threshold if target.spam_threshold is None else target.spam_threshold
    verdict = inspection.judge(threshold)
    if verdict is not None:
        verdict = evidence.weigh(verdict, target, inspection, envelope.reverse_path, policy.front_weight)
    return _placement(target, recipient, envelope, inspection, verdict)


def unjudged(target: Target, recipient: Recipient, envelope: Envelope, inspection: Inspection) -> Placement:
    """The placement of a message of our own: nobody may refuse it, and nothing is weighed."""
    return _placement(target, recipient, envelope, inspection, None)


def _placement(
    target: Target, recipient: Recipient, envelope: Envelope, inspection: Inspection, verdict: Verdict | None
) -> Placement:
    prefix = delivered_form.prefix(envelope, recipient, target.address, verdict)
    delivered_size = delivered_form.size(prefix, inspection.size, inspection.message.forged_spans)
    return Placement(target, _destination(target, verdict), prefix, delivered_size, verdict)


def _destination(target: Target, verdict: Verdict | None) -> Destination | int:
    """Spam goes to Junk whatever the detail says: a detail is in every sender's hand."""
    if verdict is not None and verdict.is_spam and not target.keeps_spam:
        return Destination.JUNK
    return Destination.INBOX if target.detail_mailbox_id is None else target.detail_mailbox_id
