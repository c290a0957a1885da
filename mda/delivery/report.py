"""The one log line of each copy of a message: what became of it, and why. No content of the mail stands in it."""

from collections.abc import Sequence

from mda.causes import Cause
from mda.delivery.copies import Copy, Message
from mda.delivery.plan import Placement
from mda.identifiers import format_id
from mda.logs import logger
from mda.metadata.delivery.deliver import Stored


def log_copies(message: Message, copies: Sequence[Copy], outcomes: Sequence[Stored | Cause], seconds: float) -> None:
    """One line a copy: delivered, redelivered or refused. `seconds` since the message was complete."""
    log = logger("delivery").bind(
        queue_id=message.envelope.peer.queue_id,
        sender=message.envelope.reverse_path,
        size=len(message.raw),
        seconds=round(seconds, 4),
    )
    for copy, outcome in zip(copies, outcomes, strict=True):
        whose = {"recipient": str(copy.recipient.address), "account": copy.target.address}
        if isinstance(outcome, Cause):
            log.warning("refused", cause=outcome.name, reply=str(outcome.reply), **whose)
        else:
            log.info("redelivered" if outcome.is_duplicate else "delivered", **whose, **_place(copy, outcome))


def _place(copy: Copy, stored: Stored) -> dict[str, str | int | float]:
    verdict = copy.decision.verdict if isinstance(copy.decision, Placement) else None
    score = {} if verdict is None else {"spam_score": round(verdict.score, 4)}
    return {"id": format_id(stored.content_id), "mailbox": stored.mailbox, "uid": stored.uid, **score}
