"""An LMTP server on a real Unix socket that says exactly what a test wants, right or wrong, and keeps what it heard.

A script maps each step of the conversation to the replies for it, in order; a step without a reply of its own gets
a correct one. A reply is octets, or one of `Act`. `octets_until_drop` cuts the line after so many octets of replies.
"""

import contextlib
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import BinaryIO, TypeAlias

PATIENCE_SECONDS = 30

ALL_KEYWORDS = (
    "PIPELINING",
    "ENHANCEDSTATUSCODES",
    "8BITMIME",
    "SMTPUTF8",
    "SIZE 52428800",
    "XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT",
)


class Act(Enum):
    """What the server does instead of a reply."""

    HANG = "says nothing until the client goes"
    DROP = "closes the connection"


Answer: TypeAlias = bytes | Act

RIGHT_ANSWERS: Mapping[str, bytes] = {
    "CONNECT": b"220 mda.test LMTP\r\n",
    "XFORWARD": b"250 2.0.0 Ok\r\n",
    "MAIL": b"250 2.1.0 Ok\r\n",
    "RCPT": b"250 2.1.5 Ok\r\n",
    "DATA": b"354 go ahead\r\n",
    "END": b"250 2.0.0 <u@here.example> Saved id=17 shard=1\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}
"""By step; END is the reply after the final dot, one per accepted recipient."""


@dataclass(frozen=True, slots=True)
class Script:
    answers: Mapping[str, tuple[Answer, ...]] = field(default_factory=dict)
    keywords: tuple[str, ...] = ALL_KEYWORDS
    octets_until_drop: int | None = None
    drop_message_after: int | None = None
    """Closes the connection in the middle of the message, after so many of its octets."""


@dataclass(slots=True)
class Heard:
    """One connection: the commands without line ends, the message as it came over the wire without the dot."""

    commands: list[str] = field(default_factory=list)
    wire_message: bytes = b""
    is_complete: bool = False
    octets_said: int = 0
    peer_pid: int = 0

    @property
    def message(self) -> bytes:
        """The message with the doubled dots undone (RFC 5321 s4.5.2)."""
        lines = self.wire_message.split(b"\r\n")
        return b"\r\n".join(line.removeprefix(b".") for line in lines)


class Gone(Exception):
    """The conversation is over: by the script, or because the client has left."""


def _peer_pid(connection: socket.socket) -> int:
    """Linux's SO_PEERCRED: pid, uid, gid."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[0])


class Conversation:
    """The server's side of one connection."""

    def __init__(self, connection: socket.socket, server: "ScriptedServer") -> None:
        script = server.script
        self._connection = connection
        self._input: BinaryIO = connection.makefile("rb")
        self._script = script
        self._left = {step: list(answers) for step, answers in script.answers.items()}
        self._reached = server.reached
        self._pause = server.pause_collecting
        self._accepted = 0
        self.heard = Heard(peer_pid=_peer_pid(connection))

    def run(self) -> None:
        with contextlib.suppress(Gone, OSError):
            self._answer("CONNECT")
            while line := self._input.readline():
                self._take(line)

    def _take(self, line: bytes) -> None:
        command = line.removesuffix(b"\r\n").decode()
        self.heard.commands.append(command)
        verb = command.split()[0].upper()
        if verb == "LHLO":
            self._answer_lhlo()
        elif verb == "DATA":
            if self._answer("DATA").startswith(b"3"):
                self._collect()
        else:
            is_accepted = self._answer(verb).startswith(b"25")
            self._accepted += verb == "RCPT" and is_accepted
        if verb == "QUIT":
            raise Gone

    def _answer_lhlo(self) -> None:
        lines = ("mda.test", *self._script.keywords)
        right = b"".join(b"250-%s\r\n" % line.encode() for line in lines[:-1]) + b"250 %s\r\n" % lines[-1].encode()
        self._answer("LHLO", right)

    def _answer(self, step: str, right: bytes = b"") -> bytes:
        self._reached.setdefault(step, threading.Event()).set()
        answers = self._left.get(step)
        answer = answers.pop(0) if answers else right or RIGHT_ANSWERS.get(step, b"500 5.5.1 what?\r\n")
        match answer:
            case Act.DROP:
                raise Gone
            case Act.HANG:
                while self._connection.recv(65536):
                    pass
                raise Gone
            case bytes():
                self._say(answer)
        return answer

    def _say(self, answer: bytes) -> None:
        budget = self._script.octets_until_drop
        if budget is not None and self.heard.octets_said + len(answer) > budget:
            self._connection.sendall(answer[: budget - self.heard.octets_said])
            raise Gone
        self._connection.sendall(answer)
        self.heard.octets_said += len(answer)

    def _collect(self) -> None:
        """Up to the lone dot. Lines end in CRLF only, so a bare LF stays inside its line."""
        collected: list[bytes] = []
        octets, line = 0, b""
        while self._pause.is_set():
            time.sleep(0.01)
        while piece := self._input.readline():
            octets += len(piece)
            if self._script.drop_message_after is not None and octets > self._script.drop_message_after:
                raise Gone
            line += piece
            if not line.endswith(b"\r\n"):
                continue
            if line == b".\r\n":
                self.heard.is_complete = True
                break
            collected.append(line)
            line = b""
        self.heard.wire_message = b"".join(collected) + (b"" if self.heard.is_complete else line)
        if self.heard.is_complete:
            for _ in range(self._accepted):
                self._answer("END")


class ScriptedServer:
    """Serves every connection with a fresh run of the script, each in its own thread."""

    def __init__(self, path: Path, script: Script) -> None:
        self.path = path
        self.conversations: list[Heard] = []
        self.reached = {step: threading.Event() for step in (*RIGHT_ANSWERS, "LHLO")}
        self.pause_collecting = threading.Event()
        """While it is set, no octet of a message is read."""
        self.script = script
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(50)
        self._spawn(self._accept)

    def _spawn(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(PATIENCE_SECONDS)
            conversation = Conversation(connection, self)
            self.conversations.append(conversation.heard)
            conversation.run()

    def close(self) -> None:
        """Waits until every conversation has ended, so that what was heard is whole."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    @property
    def heard(self) -> Heard:
        """The only conversation there was."""
        (only,) = self.conversations
        return only


@contextlib.contextmanager
def serving(script: Script | None = None) -> Iterator[ScriptedServer]:
    """A server in a folder of its own with a path short enough for a socket address."""
    with tempfile.TemporaryDirectory(prefix="pipe-") as folder:
        server = ScriptedServer(Path(folder) / "s", script or Script())
        try:
            yield server
        finally:
            server.close()
