"""An LMTP client that replays mails as Postfix's lmtp(8) would send them, and times each (bench/delivery_client.c).

Runs as `nobody`, whom the MDA believes an XFORWARD: each message then has a receipt, as mail from Postfix has.
"""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.mime_programs import compile_c

USER = "nobody"
TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Replayed:
    seconds: float
    """From the first connection to the last answer."""
    milliseconds: tuple[float, ...]
    """Of each transaction, from MAIL to the answer behind the message."""


@dataclass(frozen=True, slots=True)
class Client:
    """The program, and where it can be run and the files of mails are by USER."""

    program: Path

    @classmethod
    def built(cls, folder: Path) -> "Client":
        return cls(compile_c("delivery_client", ("-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"), (), folder))

    def replay(self, socket: Path, sessions: int, count: int, domain: str, mails: Path) -> Replayed:
        """CalledProcessError where the server does not take every message."""
        command = [str(self.program), str(socket), str(sessions), str(count), domain, str(mails)]
        done = subprocess.run(command, user=USER, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_SECONDS)
        seconds, *microseconds = map(float, done.stdout.split())
        return Replayed(seconds, tuple(one / 1000 for one in microseconds))


def write_mails(path: Path, mails: Iterable[bytes]) -> Path:
    """As the client reads them: each its length and the octets that follow DATA (RFC 5321 s4.5.2)."""
    with path.open("wb") as file:
        for raw in mails:
            ended = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
            stuffed = (b"\r\n" + ended).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
            file.write(b"%d\n" % len(stuffed) + stuffed)
    return path


def lines_of_x(octets: int) -> bytes:
    """A mail like one of Postfix's smtp-source."""
    head = b"From: <sender@example.org>\r\nTo: <a@bench.test>\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\n\r\n"
    return head + (b"X" * 78 + b"\r\n") * (octets // 80)
