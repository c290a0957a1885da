"""One LMTP connection: bytes and time around a `Session`.

Order is kept: while the deliverer works on a command, what was pipelined behind it waits, and reading stops when
too much waits (back-pressure to the socket). Only RCPTs that came together are resolved together, their replies
still in order. A peer that goes away during DATA has delivered nothing; a delivery once begun runs to its end.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, cast

from mda.causes import Cause
from mda.logs import Logger
from mda.metrics import recorder
from mda.metrics.families import RECIPIENTS
from mda.servers.lmtp import replies
from mda.servers.lmtp.collector import MessageCollector
from mda.servers.lmtp.command import Command, Dialect, Invalid, Rcpt, parse
from mda.servers.lmtp.deliverer import Accepted, Deliverer
from mda.servers.lmtp.lines import CommandLines, LineFault
from mda.servers.lmtp.memory import HeldOctets
from mda.servers.lmtp.session import Collect, Deliver, Effect, Resolve, Rules, Say, Session

UNREAD_OCTETS = 65_536
"""Reading pauses while more than this waits behind a command that is being worked on."""

FRESH_SECONDS = 2.0
"""How long a drain waits for the next transaction of a session that has been told to go on."""

RESOLVED_TOGETHER = 100
"""RCPTs in one round to the deliverer."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the connections of one worker share. Times in seconds, sizes in octets."""

    deliverer: Deliverer
    rules: Rules
    dialect: Dialect
    command_bytes: int
    idle_seconds: float
    data_seconds: float
    memory: HeldOctets
    log: Logger


class LmtpConnection(asyncio.Protocol):
    """`on_closed` is called once, when the connection is gone and nothing of it is being worked on any more."""

    def __init__(self, service: Service, *, is_trusted: bool, on_closed: "Callable[[LmtpConnection], None]") -> None:
        self._service = service
        self._session = Session(service.rules, is_trusted=is_trusted)
        self._dialect = replace(service.dialect, takes_orcpt=is_trusted)
        self._on_closed = on_closed
        self._lines = CommandLines(service.command_bytes)
        self._collector: MessageCollector | None = None
        self._peeked: Command | None = None
        self._asking: list[Resolve] = []
        self._output: list[bytes] = []
        self._work: asyncio.Task[None] | None = None
        self._is_choked = self._is_closing = self._is_ended = self._is_lost = False
        self._is_paused = False
        self._held = 0
        self._heard_at = self._data_at = 0.0

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio.Transports in all but their class.
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._look_at_clock()
        self._transport.write(self._session.greeting())

    def data_received(self, raw: bytes) -> None:
        self._heard_at = self._loop.time()
        if self._collector and not len(self._lines):
            self._collect(self._collector, raw)
        else:
            self._lines.feed(raw)
        self._pump()

    def eof_received(self) -> bool:
        """What came whole is still answered; the connection is then closed from this side."""
        self._is_ended = True
        self._pump()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._is_lost = self._is_closing = True
        self._timer.cancel()
        if self._collector:
            self._service.log.info("connection lost in DATA", octets=self._collector.size)
        if not self._work:
            # Also where the message had come whole and no memory was left to take it: what it held must be given back.
            self._forget_message()
            self._on_closed(self)

    def pause_writing(self) -> None:
        self._is_choked = True

    def resume_writing(self) -> None:
        self._is_choked = False
        self._pump()

    # What the server calls.

    def leave(self) -> None:
        """Close as soon as that costs the peer nothing: see `Session.is_at_rest`. To be called again and again, as a
        peer that stays silent for FRESH_SECONDS has nothing on the way."""
        self._session.is_leaving = True
        self._pump()

    @property
    def is_working(self) -> bool:
        """Whether the deliverer is at work for this connection."""
        return self._work is not None

    @property
    def is_gone(self) -> bool:
        return self._is_lost and not self._work

    def abort(self) -> None:
        self._transport.abort()

    # Commands.

    def _pump(self) -> None:
        while not (self._work or self._is_closing or self._is_choked) and self._advance():
            pass
        self._settle()

    def _advance(self) -> bool:
        """One step further; False when there is nothing to do now."""
        if self._session.is_leaving and self._session.is_at_rest:
            self._leave()
            return False
        if self._collector:
            return len(self._lines) > 0 and self._collect(self._collector, self._lines.take_rest())
        command = self._next_command()
        if self._asking and self._must_ask_now(command):
            self._begin(self._resolve(tuple(self._asking)))
            self._asking.clear()
            return False
        if command is None:
            return False
        self._peeked = None
        self._act(self._session.take(command))
        return True

    def _must_ask_now(self, command: Command | None) -> bool:
        is_enough = len(self._asking) >= RESOLVED_TOGETHER or self._session.may_be_full
        return is_enough or not isinstance(command, Rcpt)

    def _next_command(self) -> Command | None:
        """The next command that has come whole; it stays until it is taken."""
        if self._peeked is None:
            match self._lines.take():
                case bytes(line):
                    self._peeked = parse(line, self._dialect)
                case LineFault.TOO_LONG:
                    self._peeked = Invalid(replies.LINE_TOO_LONG)
        return self._peeked

    def _act(self, effect: Effect) -> None:
        match effect:
            case Resolve():
                self._recall_or_ask(effect)
            case Say():
                self._say(effect)
            case Collect(raw):
                self._output.append(raw)
                self._data_at = self._loop.time()
                self._collector = MessageCollector(self._service.rules.message_bytes)
                self._watch_data()

    def _recall_or_ask(self, question: Resolve) -> None:
        """Answers a recipient that the deliverer knows, unless one before it waits: replies are in the order asked."""
        known = (
            None
            if self._asking
            else self._service.deliverer.recall(question.recipient, question.reverse_path, question.size)
        )
        if known is None:
            self._asking.append(question)
        else:
            self._accept(question, known)

    def _accept(self, asked: Resolve, known: Accepted) -> None:
        recorder.add(RECIPIENTS, "")
        self._say(self._session.resolved(asked.recipient, known))

    async def _resolve(self, asked: tuple[Resolve, ...]) -> None:
        if len(asked) == 1:
            outcomes = [await self._ask(asked[0])]
        else:
            outcomes = await asyncio.gather(*map(self._ask, asked))
        failures = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if failures:
            self._service.log.error("resolving failed", recipients=len(failures), exc_info=failures[0])
        for one, outcome in zip(asked, outcomes, strict=True):
            known = Cause.INTERNAL_ERROR if isinstance(outcome, Exception) else outcome
            if isinstance(known, Cause):
                self._note_refusal(one, known)
                self._say(self._session.resolved(one.recipient, known))
            else:
                self._accept(one, known)
        self._end_work()

    def _note_refusal(self, asked: Resolve, cause: Cause) -> None:
        recorder.add(RECIPIENTS, cause.name.lower())
        self._service.deliverer.refused(asked.recipient, asked.reverse_path, self._session.peer, cause)

    async def _ask(self, question: Resolve) -> Accepted | Cause | Exception:
        try:
            return await self._service.deliverer.resolve(question.recipient, question.reverse_path, question.size)
        except Exception as error:
            return error

    # Messages.

    def _collect(self, collector: MessageCollector, raw: bytes) -> bool:
        rest = collector.feed(raw)
        held = collector.size
        if not self._service.memory.change(held - self._held):
            collector.discard()
            self._service.memory.change(-held)
            held = 0
        self._held = held
        if rest is None:
            return False
        self._collector = None
        self._lines.feed(rest)
        self._take_message(collector)
        return True

    def _take_message(self, collector: MessageCollector) -> None:
        if collector.is_discarded:
            cause = Cause.MESSAGE_TOO_LARGE if collector.is_too_large else Cause.OVERLOADED
            self._say(self._session.not_delivered(cause))
        else:
            self._begin(self._deliver(self._session.collected(), collector.message()))

    async def _deliver(self, message: Deliver, raw: bytes) -> None:
        self._say(await self._delivered(message, raw))
        self._forget_message()
        self._end_work()

    async def _delivered(self, message: Deliver, raw: bytes) -> Say:
        try:
            outcomes = await self._service.deliverer.deliver(message.envelope, message.accepted, raw)
        except Exception:
            self._service.log.exception("delivery failed", recipients=len(message.accepted), octets=len(raw))
            return self._session.not_delivered(Cause.INTERNAL_ERROR)
        said = self._session.delivered(outcomes)
        if said.closes:
            self._service.log.error("not one final reply per recipient", recipients=len(message.accepted))
        return said

    def _forget_message(self) -> None:
        self._collector = None
        self._service.memory.change(-self._held)
        self._held = 0

    # Work, output, time.

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._work = self._loop.create_task(work)
        self._work.add_done_callback(self._look_at_work)

    def _look_at_work(self, work: asyncio.Task[None]) -> None:
        """A bug here or a broken deliverer: without any reply the mail stays in the peer's queue."""
        error = None if work.cancelled() else work.exception()
        if error or work.cancelled():
            self._service.log.error("connection closed in doubt", exc_info=error)
            self._work = None
            self._forget_message()
            self._transport.abort()
            if self._is_lost:
                self._on_closed(self)

    def _end_work(self) -> None:
        self._work = None
        self._heard_at = self._loop.time()
        if self._is_lost:
            self._on_closed(self)
        else:
            self._pump()

    def _say(self, said: Say) -> None:
        self._output.append(said.raw)
        self._is_closing = self._is_closing or said.closes

    def _settle(self) -> None:
        """Sends what was said, closes if that was the last, and sees to the flow."""
        if self._is_lost:
            return
        if self._work:
            # What was said before it goes out together with its outcome: fewer writes, and a peer that has
            # pipelined so far waits for the outcome anyway.
            self._see_to_flow()
            return
        if not self._is_closing:
            self._leave_if_due()
        if self._output:
            self._transport.write(b"".join(self._output))
            self._output.clear()
        if self._is_closing:
            self._transport.close()
        else:
            self._see_to_flow()

    def _leave_if_due(self) -> None:
        session = self._session
        is_silent = not session.is_in_transaction and self._loop.time() >= self._heard_at + FRESH_SECONDS
        if session.is_leaving and is_silent:
            self._leave()
        elif self._is_ended and not self._is_choked:
            self._is_closing = True

    def _leave(self) -> None:
        self._say(Say(replies.encode(replies.LEAVING), closes=True))

    def _see_to_flow(self) -> None:
        is_full = len(self._lines) > UNREAD_OCTETS
        if is_full and not self._is_paused:
            self._transport.pause_reading()
        elif self._is_paused and not is_full and not self._is_ended:
            self._transport.resume_reading()
        self._is_paused = is_full

    def _watch_data(self) -> None:
        if self._data_at + self._service.data_seconds < self._due:
            self._timer.cancel()
            self._look_at_clock()

    def _look_at_clock(self) -> None:
        now = self._loop.time()
        due = now + self._service.idle_seconds if self._work else self._heard_at + self._service.idle_seconds
        if self._collector:
            due = min(due, self._data_at + self._service.data_seconds)
        if now < due:
            self._due = due
            self._timer = self._loop.call_at(due, self._look_at_clock)
        else:
            self._time_out()

    def _time_out(self) -> None:
        if self._is_choked:
            self._transport.abort()
            return
        reply = replies.DATA_TOO_SLOW if self._collector else replies.IDLE
        # Before LHLO, a 421 would stand where the peer looks for a greeting: that suspends the destination.
        raw = replies.encode(reply) if self._session.has_begun else b""
        self._service.log.info("session timed out", in_data=self._collector is not None)
        self._forget_message()
        self._say(Say(raw, closes=True))
        self._settle()
