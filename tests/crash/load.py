"""LMTP clients that behave as Postfix does: each mail is tried with the same bytes until each recipient has its 250.

Every 250 is written into the ledger. Now and then a client hangs up behind the last dot and tries again at once, while
the first try is in flight; and now and then it hands over again what it has a 250 for.
"""

import asyncio
import itertools
import re
import threading
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

from tests.crash.ledger import Ledger, Mail, make_mail

PATIENCE_SECONDS = 60.0
HANG_UP = 0.02
AGAIN = 0.02
PAUSE_SECONDS = 0.05
MOST_ATTACHED = 1_500_000
"""Octets before base64."""

_DOT = re.compile(rb"^\.", re.MULTILINE)


class Broken(Exception):
    """The connection ended, or was hung up, before all was answered."""


class Load:
    """`sessions` clients in a thread of their own, from `start` until `finish`. `attached` is the share of mails
    with an attachment of up to 2 MB."""

    def __init__(
        self,
        socket: Path,
        addresses: Sequence[str],
        ledger: Ledger,
        sessions: int,
        seed: int,
        attached: float = 0,
    ) -> None:
        self._attached = attached
        self._socket = socket
        self._addresses = addresses
        self._ledger = ledger
        self._sessions = sessions
        self._random = Random(seed)
        self._numbers = itertools.count(1)
        self._waiting: deque[tuple[Mail, tuple[str, ...]]] = deque()
        self._takes_new = True
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self, seconds: float) -> bool:
        """Sends nothing new, and tries on what is not acknowledged; whether all of it was in time."""
        self._takes_new = False
        self._thread.join(seconds)
        return not self._thread.is_alive()

    async def _run(self) -> None:
        await asyncio.gather(*(self._session() for _ in range(self._sessions)))

    async def _session(self) -> None:
        """Connects, delivers until the connection breaks, and connects again."""
        while self._takes_new or self._waiting:
            try:
                reader, writer = await asyncio.open_unix_connection(str(self._socket))
            except OSError:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            try:
                await self._greet(reader, writer)
                while (task := self._next()) is not None:
                    await self._try(reader, writer, *task)
            except (OSError, Broken, TimeoutError):
                self._ledger.note_broken()
            finally:
                writer.close()

    def _next(self) -> tuple[Mail, tuple[str, ...]] | None:
        if self._waiting and (not self._takes_new or self._random.random() < 0.5):
            return self._waiting.popleft()
        if not self._takes_new:
            return None
        attachment = self._random.randrange(MOST_ATTACHED) if self._random.random() < self._attached else 0
        name = f"L{next(self._numbers)}"
        mail = make_mail(name, self._recipients(), self._random, is_stamped=True, attachment=attachment)
        self._ledger.note_sent(mail)
        return mail, mail.recipients

    def _recipients(self) -> tuple[str, ...]:
        chosen = self._random.sample(self._addresses, self._random.choice((1, 1, 1, 2, 3)))
        if self._random.random() < 0.05:
            local_part, _, domain = chosen[0].partition("@")
            return (f"{local_part}+a@{domain}", f"{local_part}+b@{domain}")
        return tuple(chosen)

    async def _try(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mail: Mail, recipients: tuple[str, ...]
    ) -> None:
        left = set(recipients)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                async for recipient, reply in self._transaction(reader, writer, mail, recipients):
                    if self._ledger.note_reply(mail, recipient, reply):
                        left.discard(recipient)
        finally:
            is_wanton = self._random.random() < AGAIN
            again = tuple(one for one in recipients if one in left or is_wanton)
            if again:
                self._waiting.append((mail, again))
        if left:
            await asyncio.sleep(PAUSE_SECONDS)

    async def _transaction(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mail: Mail, recipients: tuple[str, ...]
    ) -> AsyncIterator[tuple[str, str]]:
        """Each recipient's reply, as it comes."""
        commands = [f"MAIL FROM:<{mail.sender}>", *(f"RCPT TO:<{one}>" for one in recipients), "DATA"]
        writer.write("".join(f"{command}\r\n" for command in commands).encode())
        said = await _reply(reader)
        if not said.startswith("250"):
            self._ledger.note_reply(mail, "MAIL", said)
        answers = [(one, await _reply(reader)) for one in recipients]
        for recipient, reply in answers:
            if not reply.startswith("250"):
                yield recipient, reply
        if not (await _reply(reader)).startswith("354"):
            writer.write(b"RSET\r\n")
            await _reply(reader)
            return
        writer.write(_DOT.sub(b"..", mail.raw) + b".\r\n")
        if self._random.random() < HANG_UP:
            await writer.drain()
            raise Broken
        for recipient, reply in answers:
            if reply.startswith("250"):
                yield recipient, await _reply(reader)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await _reply(reader)
            writer.write(b"LHLO client.test\r\n")
            await _reply(reader)


async def _reply(reader: asyncio.StreamReader) -> str:
    """The last line of a reply; Broken where there is none."""
    while True:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise Broken
        if line[3:4] != b"-":
            return line.decode("ascii", "replace").strip()
