"""The delivery of one message, the story on one screen.

    resolve   RCPT: address -> accounts, or the cause why not
    begin     DATA: inspect (parse, classify) -> plan (pure) -> store (bodies, then rows) -> one reply a recipient,
              by the thread that has made its mail durable
    deliver   the same, and waits on the way: for a look-up, for an account's place, for a lane to open

Body before row before reply: a 250 names only what both the shard and the database have made durable. Whatever
fails on the way is a temporary reply for the recipients that it touched.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from mda import address
from mda.binding import CampaignTable, Found, Reader
from mda.binding.reader import READ_OCTETS
from mda.causes import Cause, Reply
from mda.delivery import receipts, replies
from mda.delivery.author import Sources
from mda.delivery.copies import Accepted, Copy, Message, plan_copies
from mda.delivery.flight import Answer
from mda.delivery.flights import Flights
from mda.delivery.inspect import Judge, inspect, model_of
from mda.delivery.lookup import Lookup
from mda.delivery.plan import Policy, admit, unjudged
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

INLINE_OCTETS = READ_OCTETS
"""Up to here a message is inspected on the event loop; above, in a thread, since it would hold up the others."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the deliveries of one worker share; built by `mda.delivery.compose`."""

    lookup: Lookup
    store: Store
    flights: Flights
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
        self._reader: Reader | None = None

    def recall(self, recipient: Recipient, reverse_path: str, size: int = 0) -> Accepted | None:
        """As `resolve`, at once and of what is remembered; None where that is too little, or would refuse."""
        self._services.flights.catch_up()
        resolved = self._services.lookup.recall(recipient.address)
        if resolved is None or any(admit(target, size, self._services.policy) for target in resolved.targets):
            return None
        recorder.add(LOOKUPS_REMEMBERED)
        return Accepted(recipient, resolved.targets, is_remembered=True)

    def holds_until(self, recipient: Recipient, accepted: Accepted) -> float:
        """Up to when (time.monotonic()) a recipient may be accepted as now without asking; 0: each time anew."""
        return self._services.lookup.holds_until(recipient.address, accepted.targets)

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

    def on_answers(self, flush: Callable[[], object]) -> None:
        """From now on called behind the answers of what was begun, in their thread, once for all that it knew
        together."""
        self._services.flights.follow(flush)

    def refused(self, recipient: Recipient, reverse_path: str, peer: Peer, cause: Cause) -> None:
        """A recipient has been answered with `cause`: for the trace."""
        self._services.tracer.refused(recipient, reverse_path, peer, cause)

    def reader(self) -> Reader:
        """What messages may be read with before they come here: the same as long as nothing has changed. MemoryError
        where there is no room for a new one."""
        model = model_of(self._services.classifier)
        if self._reader is None or self._reader.model is not model:
            self._reader = Reader(model, self._services.campaigns)
        return self._reader

    def begin(
        self,
        envelope: Envelope,
        accepted: Sequence[Accepted],
        raw: bytes,
        answer: Answer,
        found: Found | None = None,
    ) -> bool:
        """As `deliver`, where nothing has to be waited for before the lanes: True, and `answer` gets the replies.

        It gets them once, from the thread that knows first: before this returns, it may be. False: nothing was begun,
        and `deliver` is the way. What is raised has begun nothing either.
        """
        if len(raw) > INLINE_OCTETS:
            return False
        services, started, is_begun = self._services, time.monotonic(), False
        services.flights.catch_up()
        accounts = services.store.take_now([target for one in accepted for target in one.targets])
        if accounts is None:
            return False
        try:
            message = self._inspected(envelope, raw, found)
            copies = self._planned(message, accepted)
            if _doubtful(copies, accepted):
                if found is None:  # else `deliver` gets the same again
                    message.inspection.withdraw()
            else:
                services.store.start(message, copies, accounts, started, answer)
                is_begun = True
        finally:
            if not is_begun:
                services.store.give_back(accounts)
        return is_begun

    async def deliver(
        self, envelope: Envelope, accepted: Sequence[Accepted], raw: bytes, found: Found | None = None
    ) -> tuple[Reply, ...]:
        """One reply per accepted recipient, in order. `raw` in CRLF form, as Postfix handed it over."""
        started = time.monotonic()
        message = await self._in_hand(envelope, raw, found)
        if message is None:
            logger("delivery").error("not_inspected_in_time", queue_id=envelope.peer.queue_id, size=len(raw))
            return (Cause.DEADLINE_PASSED.reply,) * len(accepted)
        copies = await self._decided(message, accepted)
        return (await self._services.store.store(message, copies, started)).replies

    async def write(self, target: Target, raw: bytes, digest: bytes) -> Stored | Cause:
        """A message of our own into an account's INBOX, without a verdict and beyond the quota. A second one with the
        same `digest`, as of `receipts.message_digest`, is answered by the first."""
        started = time.monotonic()
        recipient = Recipient(address.parse(target.address))
        envelope = Envelope(NULL_REVERSE_PATH, (recipient,))
        message = Message(envelope, raw, inspect(raw, None), digest, datetime.now(UTC))
        placement = unjudged(target, recipient, envelope, message.inspection)
        copy = Copy(0, recipient, target, placement, self._services.identifiers.next())
        (outcome,) = (await self._services.store.store(message, (copy,), started)).outcomes
        return outcome

    async def _in_hand(self, envelope: Envelope, raw: bytes, found: Found | None) -> Message | None:
        """None: the deadline has passed meanwhile."""
        if len(raw) <= INLINE_OCTETS:
            return self._inspected(envelope, raw, found)
        services = self._services
        try:
            async with asyncio.timeout(services.deadline_seconds):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(services.pool, self._inspected, envelope, raw)
        except TimeoutError:
            return None

    def _inspected(self, envelope: Envelope, raw: bytes, found: Found | None = None) -> Message:
        services, queue_id = self._services, envelope.peer.queue_id
        # Here, beside the shard's thread, where a batch would wait for it: nothing takes longer with a large message.
        raw_digest, digest = hashlib.sha256(raw).digest(), None
        if services.keeps_receipts:
            digest = receipts.message_digest(raw, queue_id, services.requeue_uid, raw_digest)
        inspection = inspect(raw, services.classifier, services.sources, services.campaigns, found)
        return Message(envelope, raw, inspection, digest, datetime.now(UTC), raw_digest)

    def _planned(self, message: Message, accepted: Sequence[Accepted]) -> tuple[Copy, ...]:
        """Every copy with its decision, as far as what is known of its account goes."""
        return plan_copies(message, accepted, self._services.policy, self._services.identifiers.next)

    async def _decided(self, message: Message, accepted: Sequence[Accepted]) -> tuple[Copy, ...]:
        """Every copy with its decision. What is remembered takes mail, but refuses none: that takes a fresh answer."""
        copies = self._planned(message, accepted)
        doubtful = _doubtful(copies, accepted)
        if not doubtful:
            return copies
        asked = [self._services.lookup.ask(accepted[number].recipient.address) for number in doubtful]
        answers = dict(zip(doubtful, await asyncio.gather(*asked), strict=True))
        causes = {number: answer for number, answer in answers.items() if isinstance(answer, Cause)}
        found = {number: answer.targets for number, answer in answers.items() if isinstance(answer, Resolved)}
        anew = [Accepted(one.recipient, found.get(number, one.targets)) for number, one in enumerate(accepted)]
        return tuple(
            replace(copy, decision=causes[copy.number]) if copy.number in causes else copy
            for copy in self._planned(message, anew)
        )


def _doubtful(copies: Sequence[Copy], accepted: Sequence[Accepted]) -> set[int]:
    """The recipients, by number, of whom a copy is refused by what is only remembered."""
    return {copy.number for copy in copies if isinstance(copy.decision, Cause) and accepted[copy.number].is_remembered}
