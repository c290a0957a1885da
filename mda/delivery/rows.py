"""From what is known of a message to the row that one account's copy becomes."""

from functools import lru_cache

from mda.antispam.authentication import Proof
from mda.antispam.verdict import Verdict, labels
from mda.binding import Campaign
from mda.delivery import receipts
from mda.delivery.copies import Copy, Message
from mda.delivery.plan import Placement
from mda.metadata.content.spam_reasons import BETWEEN_KINDS, SpamReasons, spam_reasons
from mda.metadata.delivery.deliver import Delivery

REASONS_KEPT = 12
"""As many as the model's own are (SPAM_TOP)."""


def delivery_row(message: Message, copy: Copy, placement: Placement) -> Delivery:
    """The row of a copy that has a placement; its location and digest are the shard lane's to add."""
    parsed, verdict = message.inspection.message, placement.verdict
    return Delivery(
        account_id=copy.target.account_id,
        content_id=copy.content_id,
        destination=placement.destination,
        receipt=_receipt(message, copy),
        internal_date=message.received_at,
        shard_id=copy.target.shard_id,
        size=len(message.raw),
        delivered_size=placement.delivered_size,
        envelope=parsed.envelope,
        body_structure=parsed.body_structure,
        structure=parsed.structure,
        prefix=placement.prefix,
        forged_spans=parsed.forged_spans,
        message_id_hash=parsed.message_id_hash,
        reference_hashes=parsed.reference_hashes,
        subject_base=parsed.subject_base,
        sent_at=parsed.sent_at,
        preview=parsed.preview,
        has_attachment=parsed.has_attachment,
        spam_score=verdict.score if verdict else None,
        spam_reasons=kept_reasons(verdict, message.inspection.campaign, message.inspection.proof()),
        defects=parsed.defects,
        original_recipient=copy.recipient.original,
        queue_id=message.envelope.peer.queue_id,
        received_at=message.received_at,
    )


def kept_reasons(verdict: Verdict | None, campaign: Campaign | None, proof: Proof = Proof.NONE) -> SpamReasons | None:
    """The heaviest reasons of a verdict, if it has any, and what else the filter was told; None of a message that was
    not classified."""
    if verdict is None:
        return None
    met = None if campaign is None else (campaign.id, campaign.count)
    proven = "" if proof is Proof.NONE else proof.value
    if verdict.added:
        kept = [(reason.label, reason.feature_id, reason.weight) for reason in verdict.reasons[:REASONS_KEPT]]
        return spam_reasons(kept, verdict.model_version, met, proven)
    categories, places, features, weights = verdict.found.reason_columns
    return SpamReasons(verdict.model_version, met, _kinds(categories), places, features, weights, proven)


@lru_cache(1024)
def _kinds(categories: bytes) -> str:
    return BETWEEN_KINDS.join(labels(categories))


def _receipt(message: Message, copy: Copy) -> bytes | None:
    if message.digest is None:
        return None
    return receipts.delivery_digest(message.digest, message.envelope.reverse_path, copy.recipient.address)
