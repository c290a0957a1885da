"""Between the front, whose thread serves the connections, and their conversations in the worker's event loop.

Answers that are given in one turn of the loop go back together: each way to the front lets the interpreter go.
"""

import asyncio
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

from mda.binding import front
from mda.binding.front import Event, Front, FrontLimits, FrontReplies
from mda.binding.reader import Reader
from mda.logs import Logger
from mda.metrics import recorder
from mda.metrics.families import LOOKUPS_REMEMBERED, RECIPIENTS
from mda.servers.lmtp import replies
from mda.servers.lmtp.acquaintances import Acquaintances
from mda.servers.lmtp.command import Dialect
from mda.servers.lmtp.conversation import Conversation, Service
from mda.servers.lmtp.deliverer import Deliverer
from mda.servers.lmtp.session import Rules, greeting, hello
from mda.settings import Settings

FRESH_SECONDS = 2.0
"""How long a drain waits for the next transaction of a session that has been told to go on."""

LENT_OCTETS = 65_536
"""Of messages that have been taken: what is more is given back at once, not when the next ones come."""

STUCK_SECONDS = 10.0
"""Far beyond what the front's thread is at without a pause: a read, a message's parse, what has been asked of it."""

AGAIN_SECONDS = 0.1
"""Until answers that found no memory on their way are sent again."""


class Switchboard:
    """Made and used in a running event loop. `on_gone` is called after each connection that has gone."""

    def __init__(self, settings: Settings, deliverer: Deliverer, log: Logger, on_gone: Callable[[], None]) -> None:
        lmtp = settings.lmtp
        hostname = lmtp.hostname or socket.gethostname() or "localhost"
        rules = Rules(hostname, lmtp.message_bytes, lmtp.recipients, lmtp.errors, lmtp.announce_dsn)
        self._front = Front(_limits(settings), _replies(rules))
        acquaintances = Acquaintances(self._front, deliverer)
        self._service = Service(deliverer, rules, Dialect(hostname, lmtp.announce_dsn), acquaintances, log)
        self._deliverer = deliverer
        self._reader: Reader | None = None
        self._on_gone = on_gone
        self._log = log
        self._conversations: dict[int, Conversation] = {}
        self._answers: deque[bytes] = deque()
        self._sending = threading.Lock()
        self._is_leaving = self._is_closed = self._is_due = False
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        deliverer.on_answers(self._send_answers)
        self._loop.add_reader(self._front.fileno(), self._take_events)

    @property
    def connections(self) -> int:
        """That are open, or closed while something of them is under way."""
        return len(self._conversations)

    @property
    def held(self) -> int:
        """Octets of messages that are in the making or not answered."""
        return self._front.held

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is under way."""
        return self._front.is_at_rest and not self._answers

    @property
    def is_stuck(self) -> bool:
        """Whether the front's thread does not come back, and no connection is served any more."""
        return not self._is_closed and 0 < self._front.busy_since < time.monotonic() - STUCK_SECONDS

    def connect(self, connection: socket.socket, *, is_trusted: bool) -> None:
        """Serves a connected socket from here on; MemoryError where there is no room for it, and it is closed."""
        connection.setblocking(False)
        number = self._front.add(connection.fileno(), is_trusted)
        connection.detach()
        self._conversations[number] = Conversation(self._service, number, is_trusted=is_trusted, answer=self._answer)

    def leave(self) -> None:
        """Ends each session as soon as that costs its peer nothing."""
        self._is_leaving = True
        self._front.leave()

    def abort(self) -> None:
        """Cuts all connections."""
        self._front.abort()

    def close(self) -> None:
        """Ends the front. What is under way is told nobody any more."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.remove_reader(self._front.fileno())
            with self._sending:
                self._front.close()

    def _take_events(self) -> None:
        known = messages = octets = 0
        for event in self._front.events():
            known += event.recipient > 0
            messages += event.kind == front.MESSAGE
            octets += event.length
            try:
                self._take(event)
            except Exception:  # its connection stays without an answer, not those behind it too
                self._log.exception("event not taken")
        if octets > LENT_OCTETS:
            self._front.drop()
        if messages:
            self._see_to_reader()
        if known:
            recorder.add(RECIPIENTS, "", amount=known)
            recorder.add(LOOKUPS_REMEMBERED, amount=known)

    def _see_to_reader(self) -> None:
        """What the next messages are read with may have changed; where a new one finds no room the old one goes on."""
        try:
            reader = self._deliverer.reader()
            if reader is not self._reader:
                self._front.read_with(reader)
                self._reader = reader
        except Exception:
            self._log.exception("reader not changed")

    def _take(self, event: Event) -> None:
        conversation = self._conversations[event.connection]
        if event.kind == front.GONE:
            del self._conversations[event.connection]
            self._note_gone(event)
            return
        try:
            conversation.take(event, is_leaving=self._is_leaving)
        except Exception:
            self._log.exception("connection closed in doubt")
            conversation.break_off()

    def _note_gone(self, event: Event) -> None:
        if event.cause == front.LOST_IN_DATA:
            self._log.info("connection lost in DATA", octets=event.length)
        elif event.cause != front.LEFT:
            self._log.info("session timed out", in_data=event.cause == front.IDLE_IN_DATA)
        self._on_gone()

    def _answer(self, answer: bytes) -> None:
        """From any thread. Whoever has begun deliveries says when their answers are to go (`Deliverer.on_answers`)."""
        self._answers.append(answer)
        if threading.get_ident() == self._thread and not self._is_due:
            self._loop.call_soon(self._send_due)
            self._is_due = True

    def _send_due(self) -> None:
        self._is_due = False
        self._send_answers()

    def _send_answers(self) -> None:
        """From any thread. Without memory it is tried again soon."""
        with self._sending:
            answers = [self._answers.popleft() for _ in range(len(self._answers))]
            if answers and not self._is_closed:
                try:
                    self._front.answer(b"".join(answers))
                except MemoryError:
                    self._answers.extendleft(reversed(answers))
                    self._loop.call_soon_threadsafe(self._loop.call_later, AGAIN_SECONDS, self._send_answers)


def _limits(settings: Settings) -> FrontLimits:
    lmtp = settings.lmtp
    return FrontLimits(
        lmtp.message_bytes,
        settings.delivery.in_flight_bytes,
        lmtp.command_bytes,
        lmtp.recipients,
        lmtp.idle_seconds,
        lmtp.data_seconds,
        FRESH_SECONDS,
    )


def _replies(rules: Rules) -> FrontReplies:
    encode = replies.encode
    return FrontReplies(
        greeting(rules),
        encode(replies.OK),
        encode(replies.SENDER_OK),
        encode(replies.RECIPIENT_OK),
        replies.START_MAIL,
        encode(replies.IDLE),
        encode(replies.DATA_TOO_SLOW),
        encode(replies.LEAVING),
        encode(replies.BYE),
        hello(rules, is_trusted=False),
        hello(rules, is_trusted=True),
    )
