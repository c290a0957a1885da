"""What became of each copy of a message, and why: one log line each, and the counters. No content of the mail stands
in the log."""

from collections.abc import Sequence

from mda.causes import Cause
from mda.delivery.copies import Copy, Message
from mda.delivery.flight import Flight
from mda.delivery.plan import Placement
from mda.identifiers import format_id
from mda.logs import logger
from mda.metadata.delivery.deliver import Stored
from mda.metrics import recorder
from mda.metrics.families import DELIVERIES, DELIVERY_SECONDS, INSPECT_SECONDS, MESSAGE_BYTES, VERDICTS

PERMANENT = 500

_LOG = logger("delivery")


def log_copies(message: Message, copies: Sequence[Copy], outcomes: Sequence[Stored | Cause], seconds: float) -> None:
    """One line a copy: delivered, redelivered or refused. `seconds` since the message was complete."""
    fields: dict[str, str | int | float] = {
        "queue_id": message.envelope.peer.queue_id,
        "sender": message.envelope.reverse_path,
        "size": len(message.raw),
        "seconds": round(seconds, 4),
    }
    for copy, outcome in zip(copies, outcomes, strict=True):
        whose = {"recipient": str(copy.recipient.address), "account": copy.target.address}
        if isinstance(outcome, Cause):
            _LOG.warning("refused", **fields, cause=outcome.name, reply=str(outcome.reply), **whose)
        else:
            event = "redelivered" if outcome.is_duplicate else "delivered"
            _LOG.info(event, **fields, **whose, **_place(copy, outcome))


def count(over: Sequence[Flight]) -> None:
    """Of messages that are over."""
    recorder.observe_all(MESSAGE_BYTES, [len(flight.message.raw) for flight in over])
    recorder.observe_all(INSPECT_SECONDS, [flight.message.inspection.seconds for flight in over])
    recorder.observe_all(DELIVERY_SECONDS, [flight.seconds for flight in over])
    results, verdicts = dict[tuple[str, str], int](), dict[str, int]()
    for flight in over:
        for copy, outcome in zip(flight.copies, flight.outcomes, strict=True):
            result = _result(outcome)
            results[result] = results.get(result, 0) + 1
            if isinstance(outcome, Stored):
                verdict = _verdict(copy)
                verdicts[verdict] = verdicts.get(verdict, 0) + 1
    for result, copies in results.items():
        recorder.add(DELIVERIES, *result, amount=copies)
    for verdict, copies in verdicts.items():
        recorder.add(VERDICTS, verdict, amount=copies)


def _result(outcome: Stored | Cause) -> tuple[str, str]:
    if isinstance(outcome, Stored):
        return "redelivered" if outcome.is_duplicate else "delivered", ""
    return "rejected" if outcome.reply.code >= PERMANENT else "deferred", outcome.name.lower()


def _verdict(copy: Copy) -> str:
    verdict = copy.decision.verdict if isinstance(copy.decision, Placement) else None
    return "none" if verdict is None else "spam" if verdict.is_spam else "ham"


def _place(copy: Copy, stored: Stored) -> dict[str, str | int | float]:
    verdict = copy.decision.verdict if isinstance(copy.decision, Placement) else None
    score = {} if verdict is None else {"spam_score": round(verdict.score, 4)}
    return {"id": format_id(stored.content_id), "mailbox": stored.mailbox, "uid": stored.uid, **score}
