"""A Dovecot of our own, asked once: the IMAP answers that it gives about some mails.

Dovecot's imap program runs by itself on a pipe, already logged in (PREAUTH), over a Maildir in a temporary folder: no
server, no socket, no system account of ours, nothing left behind. Needs Debian's dovecot-imapd; works as root (as
`nobody`, since Dovecot opens no mail as root) and as a normal user.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from mda.mime.imap_body import value_end

PROGRAMS = ("/usr/lib/dovecot/imap", "/usr/libexec/dovecot/imap")
ITEMS = ("ENVELOPE", "BODY", "BODYSTRUCTURE")
BATCH = 500

_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
_FETCH = re.compile(rb"\* \d+ FETCH \(")


def program() -> str | None:
    """Dovecot's imap, or None where it is not installed."""
    return next((path for path in PROGRAMS if os.access(path, os.X_OK)), None)


def version() -> str:
    """As `dovecot --version` says it."""
    done = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def fetch(mails: Sequence[bytes], items: Sequence[str] = ITEMS) -> tuple[Mapping[str, bytes], ...]:
    """Of each mail, Dovecot's answer to each item, as it was sent."""
    with tempfile.TemporaryDirectory(prefix="mda-dovecot-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        configure(root, [f"mail_location = maildir:{root}/mail:INDEX=MEMORY"])
        _fill(root / "mail", mails)
        return tuple(_ask(root, len(mails), items))


def configure(root: Path, settings: Sequence[str]) -> Path:
    """Writes a configuration for an imap on a pipe, with everything below `root`; where it is."""
    lines = [
        f"base_dir = {root}/run",
        f"state_dir = {root}/state",
        f"log_path = {root}/log",
        "protocols = imap",
        "ssl = no",
        "first_valid_uid = 1",
        "stats_writer_socket_path =",
        *settings,
    ]
    if os.geteuid() == 0:
        lines += ["mail_uid = nobody", "mail_gid = nogroup"]
    written = root / "dovecot.conf"
    written.write_text("\n".join(lines) + "\n")
    (root / "log").touch(mode=0o666)
    (root / "log").chmod(0o666)
    return written


def _fill(maildir: Path, mails: Sequence[bytes]) -> None:
    for name in ("", "cur", "new", "tmp"):
        (maildir / name).mkdir(exist_ok=True)
    for number, raw in enumerate(mails):
        # Dovecot gives them their UIDs in the order of their names.
        (maildir / "cur" / f"{1_700_000_000 + number}.M{number}P1.example:2,S").write_bytes(raw)
    if os.geteuid() == 0:
        for path in (maildir, *maildir.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")


def _ask(root: Path, count: int, items: Sequence[str]) -> Iterator[Mapping[str, bytes]]:
    """One command at a time: Dovecot answers those that come together in an order of its own."""
    imap = program()
    assert imap is not None, "dovecot-imapd is not installed"
    with subprocess.Popen(
        [imap, "-c", str(root / "dovecot.conf")],
        env={**os.environ, "USER": "mda", "HOME": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        _run(process.stdin, process.stdout, "SELECT INBOX")
        for first in range(1, count + 1, BATCH):
            command = f"FETCH {first}:{min(first + BATCH - 1, count)} ({' '.join(items)})"
            answers = [line for line in _run(process.stdin, process.stdout, command) if _FETCH.match(line)]
            yield from map(_items, answers)
        _run(process.stdin, process.stdout, "LOGOUT")
    said = (root / "log").read_text("utf-8", "replace")
    assert process.returncode == 0, f"Dovecot's imap exited with {process.returncode}: {said[:500]}"


def _run(commands: IO[bytes], responses: IO[bytes], command: str) -> list[bytes]:
    """The untagged responses to a command, with the literals in them and without their line ends."""
    commands.write(f"a {command}\r\n".encode())
    commands.flush()
    found: list[bytes] = []
    while (response := _response(responses)).startswith(b"* "):
        found.append(response)
    assert response.startswith(b"a OK"), f"{command}: {response!r}"
    return found


def _response(stream: IO[bytes]) -> bytes:
    response = stream.readline()
    while literal := _LITERAL.search(response):
        response += stream.read(int(literal[1])) + stream.readline()
    return response.removesuffix(b"\r\n")


def _items(response: bytes) -> Mapping[str, bytes]:
    """`* 1 FETCH (NAME (...) NAME (...))` by name; other items have atoms for values."""
    found = {}
    at = response.index(b"(") + 1
    while response[at : at + 1] != b")":
        space = response.index(b" ", at)
        end = value_end(response, space + 1)
        found[response[at:space].decode("ascii")] = response[space + 1 : end]
        at = end + (response[end : end + 1] == b" ")
    return found
