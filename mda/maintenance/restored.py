"""The row of a message that is known by its record alone: parsed again, as it was at its delivery.

What only the delivery knew (verdict, original recipient) is not in the record; the delivered form begins with the trace
fields that can be made of it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mda.address import parse
from mda.delivery import delivered_form
from mda.envelope import Envelope, Recipient
from mda.metadata.content.spam_reasons import from_json
from mda.metadata.delivery.deliver import Delivery, Destination
from mda.mime import brief
from mda.storage.location import Location
from mda.storage.record import NO_RECEIPT, Target


def restored_delivery(
    raw: bytes,
    *,
    digest: bytes,
    address: str,
    target: Target,
    reverse_path: str,
    shard_id: int,
    location: Location,
    received_at: datetime,
    kept: Mapping[str, Any] | None = None,
) -> Delivery:
    """`address` is the account's. `kept` are columns of the delivery's own row, where a checkpoint knows them."""
    known = kept or {}
    parsed, _ = brief.read(raw)
    recipient = Recipient(parse(address))
    top = delivered_form.prefix(Envelope(reverse_path, (recipient,)), recipient, address, None)
    prefix = known.get("prefix", top)
    edges = known.get("forged_spans", ())
    spans = tuple(zip(edges[::2], edges[1::2], strict=True)) if kept is not None else parsed.forged_spans
    return Delivery(
        account_id=target.account_id,
        content_id=target.content_id,
        destination=Destination.INBOX,
        receipt=None if target.receipt == NO_RECEIPT else target.receipt,
        internal_date=received_at,
        shard_id=shard_id,
        segment=location.segment,
        offset=location.offset,
        length=location.length,
        digest=digest,
        size=len(raw),
        delivered_size=delivered_form.size(prefix, len(raw), spans),
        envelope=parsed.envelope,
        body_structure=parsed.body_structure,
        structure=parsed.structure,
        prefix=prefix,
        forged_spans=spans,
        message_id_hash=parsed.message_id_hash,
        reference_hashes=parsed.reference_hashes,
        subject_base=parsed.subject_base,
        sent_at=parsed.sent_at,
        preview=parsed.preview,
        has_attachment=parsed.has_attachment,
        defects=parsed.defects,
        thread_id=known.get("thread_id"),
        spam_score=known.get("spam_score"),
        spam_reasons=from_json(known["spam_reasons"]) if known.get("spam_reasons") else None,
        original_recipient=known.get("original_recipient", ""),
        queue_id=known.get("queue_id", ""),
        received_at=received_at,
    )
