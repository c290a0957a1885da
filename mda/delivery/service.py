"""The delivery of one message, the story on one screen.

    resolve   RCPT: address -> accounts, or the cause why not
    deliver   DATA: inspect (parse, classify) -> plan (pure) -> store (bodies, then rows) -> one reply a recipient

Body before row before reply: a 250 names only what both the shard and the database have made durable. Whatever
fails on the way is a temporary reply for the recipients that it touched.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

from msgspec.structs import replace

from mda import address
from mda.binding import CampaignTable
from mda.causes import Cause, Reply
from mda.delivery import receipts, replies
from mda.delivery.author import Sources
from mda.delivery.copies import Accepted, Copy, Message, plan_copies
from mda.delivery.inspect import Judge, inspect
from mda.delivery.job import Outcomes
from mda.delivery.lookup import Lookup
from mda.delivery.plan import Policy, admit, unjudged
from mda.delivery.report import log_copies
from mda.delivery.shard_lanes import ShardLanes
from mda.delivery.store import Store
from mda.delivery.tracer import Tracer
from mda.delivery.warner import Warner
from mda.envelope import NULL_REVERSE_PATH, Envelope, Peer, Recipient
from mda.identifiers import IdentifierSource
from mda.logs import logger
from mda.metadata.delivery.deliver import Stored
from mda.metadata.directory.resolve import Resolved, Target
from mda.metrics import recorder
from mda.metrics.families import LOOKUPS_REMEMBERED

INLINE_OCTETS = 65_536
"""Up to here a message is inspected on the event loop; above, in a thread, since it would hold up the others."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the deliveries of one worker share; built by `mda.delivery.compose`."""

    lookup: Lookup
    lanes: ShardLanes
    store: Store
    classifier: Judge | None
    identifiers: IdentifierSource
    pool: Executor
    policy: Policy
    deadline_seconds: float
    keeps_receipts: bool
    sources: Sources
    campaigns: CampaignTable | None
    tracer: Tracer
    warner: Warner
    requeue_uid: int | None
    """The user id of Postfix's mail owner, where it is known: see `receipts.message_digest`."""


class DeliveryService:
    """Resolves recipients and delivers messages: one per worker, used from its event loop."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def recall(self, recipient: Recipient, reverse_path: str, size: int = 0) -> Accepted | None:
        """As `resolve`, at once and of what is remembered; None where that is too little, or would refuse."""
        resolved = self._services.lookup.recall(recipient.address)
        if resolved is None or any(admit(target, size, self._services.policy) for target in resolved.targets):
            return None
        recorder.add(LOOKUPS_REMEMBERED)
        return Accepted(recipient, resolved.targets, is_remembered=True)

    def holds_until(self, recipient: Recipient) -> float:
        """Up to when (time.monotonic()) a recipient may be accepted as now without asking; 0: each time anew."""
        return self._services.lookup.holds_until(recipient.address)

    def held(self, accepted: Accepted) -> Accepted:
        """A recipient that is accepted by what `holds_until` has said."""
        return accepted if accepted.is_remembered else replace(accepted, is_remembered=True)

    def follow(self, forget: Callable[[], object], trust: Callable[[float], object]) -> None:
        """Told when what `holds_until` has said holds no longer."""
        self._services.lookup.follow(forget, trust)

    async def resolve(self, recipient: Recipient, reverse_path: str, size: int = 0) -> Accepted | Cause:
        """Who gets mail for this address. `size` in octets as SIZE announced it, 0 where it did not."""
        resolved = await self._services.lookup.ask(recipient.address)
        if isinstance(resolved, Cause):
            return resolved
        refusals = [admit(target, size, self._services.policy) for target in resolved.targets]
        causes = [refusal for refusal in refusals if refusal is not None]
        if causes:
            self._services.warner.refused(resolved.targets)
        if len(causes) == len(refusals):
            return replies.gravest(causes)
        return Accepted(recipient, resolved.targets)

    def refused(self, recipient: Recipient, reverse_path: str, peer: Peer, cause: Cause) -> None:
        """A recipient has been answered with `cause`: for the trace."""
        self._services.tracer.refused(recipient, reverse_path, peer, cause)

    async def deliver(self, envelope: Envelope, accepted: Sequence[Accepted], raw: bytes) -> tuple[Reply, ...]:
        """One reply per accepted recipient, in order. `raw` in CRLF form, as Postfix handed it over."""
        services, started = self._services, time.monotonic()
        message = await self._in_hand(envelope, raw)
        if message is None:
            logger("delivery").error("not_inspected_in_time", queue_id=envelope.peer.queue_id, size=len(raw))
            return (Cause.DEADLINE_PASSED.reply,) * len(accepted)
        copies = await self._plan(message, accepted)
        outcomes = await self._store(message, copies, started)
        services.warner.note(copies, outcomes)
        return self._replies(copies, outcomes)

    async def write(self, target: Target, raw: bytes, digest: bytes) -> Stored | Cause:
        """A message of our own into an account's INBOX, without a verdict and beyond the quota. A second one with the
        same `digest`, as of `receipts.message_digest`, is answered by the first."""
        started = time.monotonic()
        recipient = Recipient(address.parse(target.address))
        envelope = Envelope(NULL_REVERSE_PATH, (recipient,))
        message = Message(envelope, raw, inspect(raw, None), digest, datetime.now(UTC))
        placement = unjudged(target, recipient, envelope, message.inspection)
        copy = Copy(0, recipient, target, placement, self._services.identifiers.next())
        (outcome,) = await self._store(message, (copy,), started)
        return outcome

    async def _plan(self, message: Message, accepted: Sequence[Accepted]) -> tuple[Copy, ...]:
        """Every copy with its decision. What is remembered takes mail, but refuses none: that takes a fresh answer."""
        plan = partial(plan_copies, message, policy=self._services.policy, next_id=self._services.identifiers.next)
        copies = plan(accepted)
        refused = {copy.number for copy in copies if isinstance(copy.decision, Cause)}
        doubtful = [number for number in refused if accepted[number].is_remembered]
        if not doubtful:
            return copies
        asked = [self._services.lookup.ask(accepted[number].recipient.address) for number in doubtful]
        answers = dict(zip(doubtful, await asyncio.gather(*asked), strict=True))
        causes = {number: answer for number, answer in answers.items() if isinstance(answer, Cause)}
        found = {number: answer.targets for number, answer in answers.items() if isinstance(answer, Resolved)}
        anew = [Accepted(one.recipient, found.get(number, one.targets)) for number, one in enumerate(accepted)]
        return tuple(
            replace(copy, decision=causes[copy.number]) if copy.number in causes else copy for copy in plan(anew)
        )

    async def _store(self, message: Message, copies: Sequence[Copy], started: float) -> Outcomes:
        outcomes = await self._services.store.store(message, copies)
        if all(map(_comes_again, outcomes)):
            message.inspection.withdraw()
        # For when the reply is on its way: whoever waits for it begins the next message meanwhile.
        seconds = time.monotonic() - started
        asyncio.get_running_loop().call_soon(self._tell, message, copies, outcomes, seconds)
        return outcomes

    def _tell(self, message: Message, copies: Sequence[Copy], outcomes: Outcomes, seconds: float) -> None:
        """What an admin is told of a message: `seconds` after it was complete its outcomes were known."""
        log_copies(message, copies, outcomes, seconds)
        self._services.tracer.note(message, copies, outcomes, seconds)

    async def _in_hand(self, envelope: Envelope, raw: bytes) -> Message | None:
        """None: the deadline has passed meanwhile."""
        services = self._services

        def examine() -> Message:
            queue_id = envelope.peer.queue_id
            digest = receipts.message_digest(raw, queue_id, services.requeue_uid) if services.keeps_receipts else None
            inspection = inspect(raw, services.classifier, services.sources, services.campaigns)
            return Message(envelope, raw, inspection, digest, datetime.now(UTC))

        if len(raw) <= INLINE_OCTETS:
            return examine()
        try:
            async with asyncio.timeout(services.deadline_seconds):
                return await asyncio.get_running_loop().run_in_executor(services.pool, examine)
        except TimeoutError:
            return None

    def _replies(self, copies: Sequence[Copy], outcomes: Outcomes) -> tuple[Reply, ...]:
        """One per recipient, from the outcomes of its copies (each has one at least), which stand together."""
        numbered = groupby(zip(copies, outcomes, strict=True), key=lambda pair: pair[0].number)
        by_recipient = [tuple(pairs) for _, pairs in numbered]
        names = self._services.lanes.name
        return tuple(
            replies.for_recipient([outcome for _, outcome in pairs], names(pairs[0][0].target.shard_id))
            for pairs in by_recipient
        )


def _comes_again(outcome: Stored | Cause) -> bool:
    """Whether it has come before or will: each message is one of its near copies once."""
    return outcome.is_duplicate if isinstance(outcome, Stored) else outcome.reply.is_temporary
