"""One LMTP connection, as far as it is Python's: the lines and messages that the front hands over (mda.binding.front).

Order is kept: of one connection the front hands over the next only when the last is answered. RCPTs that were handed
over together are resolved together, their replies still in order. A delivery once begun runs to its end, also where
the peer has gone.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mda.binding import front
from mda.binding.brief import Found
from mda.binding.front import Event
from mda.causes import Cause, Reply
from mda.envelope import Envelope
from mda.logs import Logger
from mda.metrics import recorder
from mda.metrics.families import RECIPIENTS
from mda.servers.lmtp import path, replies
from mda.servers.lmtp.acquaintances import Acquaintances
from mda.servers.lmtp.command import Command, Dialect, Invalid, Rcpt, parse
from mda.servers.lmtp.deliverer import Accepted, Deliverer
from mda.servers.lmtp.session import Collect, Deliver, Resolve, Rules, Say, Session, final

Sayer = Callable[[tuple[Reply, ...]], Say]
"""Makes what the session says of a message's replies."""

RESOLVED_TOGETHER = 100
"""RCPTs in one round to the deliverer."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the connections of one worker share."""

    deliverer: Deliverer
    rules: Rules
    dialect: Dialect
    acquaintances: Acquaintances
    log: Logger


class Conversation:
    """`answer` takes an answer as `mda.binding.front.packed` makes it, from any thread; called once for each event."""

    def __init__(self, service: Service, number: int, *, is_trusted: bool, answer: Callable[[bytes], None]) -> None:
        self._service = service
        self._number = number
        self._dialect = replace(service.dialect, takes_orcpt=is_trusted)
        self._session = Session(service.rules, is_trusted=is_trusted)
        self._answer = answer
        self._commands: deque[tuple[bytes, Command]] = deque()
        self._asking: list[tuple[bytes, Resolve]] = []
        self._output: list[bytes] = []
        self._flags = 0
        self._has_stranger = False
        """Whether the open transaction has a recipient whose number is gone."""
        self._work: asyncio.Task[None] | None = None

    def take(self, event: Event, *, is_leaving: bool) -> None:
        """Answers the event, now or later."""
        self._session.is_leaving = is_leaving
        if event.kind == front.MESSAGE:
            self._take_message(event)
        else:
            self._hear(event.lines)
            self._go_on()

    def break_off(self) -> None:
        """The connection ends in doubt: without any reply the mail stays in the peer's queue."""
        self._commands.clear()
        self._answer(front.packed(self._number, b"", front.READY, flags=front.ABORTS))

    # Lines.

    def _hear(self, lines: bytes) -> None:
        """What the front has answered is repeated to the session; the rest is to be answered."""
        for kind, line, recipient in front.entries(lines):
            if kind == b"N":
                self._commands.append((line, parse(line, self._dialect)))
            elif kind == b"L":
                self._commands.append((line, Invalid(replies.LINE_TOO_LONG)))
            else:
                self._repeat(line, recipient)

    def _repeat(self, line: bytes, recipient: int) -> None:
        effect = self._session.take(parse(line, self._dialect))
        if isinstance(effect, Resolve):
            recorder.add(RECIPIENTS, "")
            acquaintance = self._service.acquaintances.get(recipient)
            self._has_stranger = self._has_stranger or acquaintance is None
            effect = self._session.resolved(effect.recipient, acquaintance and acquaintance[1])
        if not isinstance(effect, Say | Collect) or effect.raw[:1] not in b"23":
            raise AssertionError(f"the front accepted a line that the session refuses: {effect}")

    def _go_on(self) -> None:
        """Up to the next question to the deliverer, or to the answer."""
        while self._commands or self._asking:
            command = self._commands[0][1] if self._commands else None
            if self._asking and self._must_ask_now(command):
                self._begin(self._resolve(tuple(self._asking)))
                self._asking.clear()
                return
            self._act(*self._commands.popleft())
            if self._flags & front.CLOSES:
                break
        self._reply()

    def _must_ask_now(self, command: Command | None) -> bool:
        is_enough = len(self._asking) >= RESOLVED_TOGETHER or self._session.may_be_full
        return is_enough or not isinstance(command, Rcpt)

    def _act(self, line: bytes, command: Command) -> None:
        match self._session.take(command):
            case Resolve() as question:
                self._recall_or_ask(line, question)
            case Say() as said:
                self._say(said)
            case Collect(raw):
                self._output.append(raw)
                self._flags |= front.COLLECTS

    def _recall_or_ask(self, line: bytes, question: Resolve) -> None:
        """Answers a recipient that the deliverer knows, unless one before it waits: replies are in the order asked."""
        known = (
            None
            if self._asking
            else self._service.deliverer.recall(question.recipient, question.reverse_path, question.size)
        )
        if known is None:
            self._asking.append((line, question))
        else:
            self._accept(line, question, known)

    def _accept(self, line: bytes, asked: Resolve, known: Accepted) -> None:
        recorder.add(RECIPIENTS, "")
        # ORCPT is not for every peer (`Dialect.takes_orcpt`), but what the front knows is.
        if self._service.dialect.announces_dsn or b"ORCPT=" not in line.upper():
            self._service.acquaintances.make(line, asked.recipient, known)
        self._say(self._session.resolved(asked.recipient, known))

    async def _resolve(self, asked: tuple[tuple[bytes, Resolve], ...]) -> None:
        outcomes = await self._ask_all([question for _, question in asked])
        for (line, question), known in zip(asked, outcomes, strict=True):
            if isinstance(known, Cause):
                self._note_refusal(question, known)
                self._say(self._session.resolved(question.recipient, known))
            else:
                self._accept(line, question, known)
        self._work = None
        self._go_on()

    async def _ask_all(self, questions: list[Resolve]) -> list[Accepted | Cause]:
        if len(questions) == 1:
            outcomes = [await self._ask(questions[0])]
        else:
            outcomes = await asyncio.gather(*map(self._ask, questions))
        failures = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if failures:
            self._service.log.error("resolving failed", recipients=len(failures), exc_info=failures[0])
        return [Cause.INTERNAL_ERROR if isinstance(outcome, Exception) else outcome for outcome in outcomes]

    async def _ask(self, question: Resolve) -> Accepted | Cause | Exception:
        try:
            return await self._service.deliverer.resolve(question.recipient, question.reverse_path, question.size)
        except Exception as error:
            return error

    def _note_refusal(self, asked: Resolve, cause: Cause) -> None:
        recorder.add(RECIPIENTS, cause.name.lower())
        self._service.deliverer.refused(asked.recipient, asked.reverse_path, self._session.peer, cause)

    # Messages.

    def _take_message(self, event: Event) -> None:
        acquaintance = self._service.acquaintances.get(event.recipient) if event.recipient else None
        if acquaintance is None or event.cause != front.KEPT:
            self._take_message_of_session(event)
            return
        if event.is_introduced:
            self._hear_introduction(event.lines)
        recipient, known = acquaintance
        envelope = Envelope(path.reverse_path_of(event.path), (recipient,), self._session.passing())
        self._start(Deliver(envelope, (known,)), event.message(), _final_of_one, event.found)

    def _take_message_of_session(self, event: Event) -> None:
        self._hear(event.lines)
        if event.cause != front.KEPT:
            self._not_deliver(Cause.MESSAGE_TOO_LARGE if event.cause == front.TOO_LARGE else Cause.OVERLOADED)
        elif self._has_stranger:
            self._not_deliver(Cause.OVERLOADED)
        else:
            self._start(self._session.collected(), event.message(), self._session.delivered)

    def _hear_introduction(self, lines: bytes) -> None:
        """What stands before MAIL: LHLO, then XFORWARD, of which Postfix sends two; as one they say the same."""
        forwarded = b""
        for kind, line, _ in front.entries(lines):
            if kind == b"X":
                forwarded += line[len(b"XFORWARD") :]
            elif kind == b"H":
                self._repeat(line, 0)
            else:
                break
        if forwarded:
            self._repeat(b"XFORWARD" + forwarded, 0)

    def _not_deliver(self, cause: Cause) -> None:
        self._say(self._session.not_delivered(cause))
        self._reply(front.RESTS)

    def _start(self, message: Deliver, raw: bytes, say: Sayer, found: Found | None = None) -> None:
        """Without a task where nothing has to be waited for."""
        accepted, answer = message.accepted, partial(self._delivered, say, len(message.accepted))
        try:
            is_begun = self._service.deliverer.begin(message.envelope, accepted, raw, answer, found)
        except Exception:
            self._fail(say, len(accepted), len(raw))
        else:
            if not is_begun:
                self._begin(self._deliver(message, raw, say, found))

    async def _deliver(self, message: Deliver, raw: bytes, say: Sayer, found: Found | None) -> None:
        accepted = message.accepted
        try:
            outcomes = await self._service.deliverer.deliver(message.envelope, accepted, raw, found)
        except Exception:
            outcomes = None
            self._fail(say, len(accepted), len(raw))
        self._work = None
        if outcomes is not None:
            self._delivered(say, len(accepted), outcomes)

    def _fail(self, say: Sayer, recipients: int, octets: int) -> None:
        self._service.log.exception("delivery failed", recipients=recipients, octets=octets)
        self._delivered(say, recipients, (Cause.INTERNAL_ERROR.reply,) * recipients)

    def _delivered(self, say: Sayer, recipients: int, outcomes: tuple[Reply, ...]) -> None:
        """In whatever thread: until the front has the answer, nothing else is done for this connection."""
        try:
            said = say(outcomes)
            if said.closes:
                self._service.log.error("not one final reply per recipient", recipients=recipients)
            self._say(said)
            self._reply(front.RESTS)
        except Exception:
            self._service.log.exception("connection closed in doubt")
            self.break_off()

    # Work, output.

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._work = asyncio.get_running_loop().create_task(work)
        self._work.add_done_callback(self._look_at_work)

    def _look_at_work(self, work: asyncio.Task[None]) -> None:
        """A bug here or a broken deliverer: without any reply the mail stays in the peer's queue."""
        error = None if work.cancelled() else work.exception()
        if error or work.cancelled():
            self._service.log.error("connection closed in doubt", exc_info=error)
            self._work = None
            self.break_off()

    def _say(self, said: Say) -> None:
        self._output.append(said.raw)
        if said.closes:
            self._flags |= front.CLOSES

    def _reply(self, flags: int = 0) -> None:
        session, accepted = self._session, 0
        if session.is_in_transaction:
            state, accepted = front.OPEN, session.accepted_count
        else:
            state = front.READY if session.has_begun else front.GREETED
            self._has_stranger = False
        raw = b"".join(self._output)
        self._output.clear()
        flags, self._flags = self._flags | flags, 0
        # Nothing of ours behind it: the next event may be in other hands already.
        self._answer(front.packed(self._number, raw, state, accepted, flags))


def _final_of_one(outcomes: tuple[Reply, ...]) -> Say:
    return final(outcomes, 1)
