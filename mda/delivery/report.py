"""What became of each copy of a message, and why: one log line each, and the counters. No content of the mail stands
in the log."""

from collections.abc import Sequence

from mda.causes import Cause
from mda.delivery.copies import Copy, Message
from mda.delivery.plan import Placement
from mda.identifiers import format_id
from mda.logs import logger
from mda.metadata.delivery.deliver import Stored
from mda.metrics import recorder
from mda.metrics.families import DELIVERIES, DELIVERY_SECONDS, MESSAGE_BYTES, VERDICTS

PERMANENT = 500


def log_copies(message: Message, copies: Sequence[Copy], outcomes: Sequence[Stored | Cause], seconds: float) -> None:
    """One line a copy: delivered, redelivered or refused. `seconds` since the message was complete."""
    recorder.observe(MESSAGE_BYTES, len(message.raw))
    recorder.observe(DELIVERY_SECONDS, seconds)
    log = logger("delivery").bind(
        queue_id=message.envelope.peer.queue_id,
        sender=message.envelope.reverse_path,
        size=len(message.raw),
        seconds=round(seconds, 4),
    )
    for copy, outcome in zip(copies, outcomes, strict=True):
        _count(copy, outcome)
        whose = {"recipient": str(copy.recipient.address), "account": copy.target.address}
        if isinstance(outcome, Cause):
            log.warning("refused", cause=outcome.name, reply=str(outcome.reply), **whose)
        else:
            log.info("redelivered" if outcome.is_duplicate else "delivered", **whose, **_place(copy, outcome))


def _count(copy: Copy, outcome: Stored | Cause) -> None:
    if isinstance(outcome, Cause):
        recorder.add(DELIVERIES, "rejected" if outcome.reply.code >= PERMANENT else "deferred", outcome.name.lower())
        return
    recorder.add(DELIVERIES, "redelivered" if outcome.is_duplicate else "delivered", "")
    verdict = copy.decision.verdict if isinstance(copy.decision, Placement) else None
    recorder.add(VERDICTS, "none" if verdict is None else "spam" if verdict.is_spam else "ham")


def _place(copy: Copy, stored: Stored) -> dict[str, str | int | float]:
    verdict = copy.decision.verdict if isinstance(copy.decision, Placement) else None
    score = {} if verdict is None else {"spam_score": round(verdict.score, 4)}
    return {"id": format_id(stored.content_id), "mailbox": stored.mailbox, "uid": stored.uid, **score}
