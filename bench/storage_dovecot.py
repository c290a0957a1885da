"""Dovecot's formats beside our segments: filled and read by its imap program on a pipe, logged in already (PREAUTH).

No server, no socket, no system account. Needs Debian's dovecot-imapd; works as root (Dovecot opens mail as `nobody`).
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tools import private_dovecot

_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
FORMATS: Mapping[str, tuple[str, ...]] = {
    "mdbox": ("mail_location = mdbox:~/mail",),
    "sdbox+zstd": ("mail_location = sdbox:~/mail", "mail_plugins = zlib", "plugin {", "zlib_save = zstd", "}"),
}


def is_there() -> bool:
    return private_dovecot.program() is not None


@dataclass(slots=True)
class Session:
    """One logged-in connection, INBOX selected."""

    commands: IO[bytes]
    responses: IO[bytes]

    def append(self, raw: bytes) -> None:
        self.commands.write(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(raw), raw))
        self._finish()

    def fetch(self, number: int, span: str = "") -> bytes:
        """A message's octets, all or those of `<start.length>`."""
        self.commands.write(b"a FETCH %d BODY.PEEK[]%b\r\n" % (number, span.encode()))
        found = self._finish()
        begin = found.index(b"\r\n") + 2
        literal = re.search(rb"\{(\d+)\}\r\n", found[:begin])
        return found[begin : begin + int(literal[1])] if literal else b""

    def run(self, command: bytes) -> None:
        self.commands.write(b"a " + command + b"\r\n")
        self._finish()

    def _finish(self) -> bytes:
        self.commands.flush()
        found = b""
        while (response := self._response()).startswith((b"* ", b"+ ")):
            found += response
        if not response.startswith(b"a OK"):
            raise RuntimeError(f"Dovecot says {response[:200]!r}")
        return found

    def _response(self) -> bytes:
        response = self.responses.readline()
        while literal := _LITERAL.search(response):
            response += self.responses.read(int(literal[1])) + self.responses.readline()
        return response


class Store:
    """One of FORMATS in a folder; each user has a home below it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        self._configuration = private_dovecot.configure(folder, FORMATS[name])

    def home(self, user: str) -> Path:
        return self.folder / "homes" / user

    @contextmanager
    def session(self, user: str) -> Iterator[Session]:
        home = self.home(user)
        home.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(home, "nobody", "nogroup")
        program = private_dovecot.program()
        assert program is not None
        with subprocess.Popen(
            [program, "-c", str(self._configuration)],
            env={**os.environ, "USER": user, "HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            session = Session(process.stdin, process.stdout)
            session.run(b"SELECT INBOX")
            yield session
            session.run(b"LOGOUT")

    def fill(self, user: str, mails: Sequence[bytes]) -> None:
        with self.session(user) as session:
            for raw in mails:
                session.append(raw)

    def files_with(self, user: str, number: int) -> list[Path]:
        """Files that may hold the message; UIDs count from 1 here, as nothing is expunged."""
        mail = self.home(user) / "mail"
        one = mail / "mailboxes" / "INBOX" / "dbox-Mails" / f"u.{number}"
        return [one] if one.exists() else sorted((mail / "storage").glob("m.*"))
