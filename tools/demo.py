"""`make demo`: the whole system under one folder, with sample mails delivered through it, and what became of each.

Makes a settings file, an embedded PostgreSQL, a shard, a domain and accounts by the same commands an admin uses;
starts `mda serve`; hands sample mails to it, in turn through mda-pipe (as Postfix's pipe(8) does) and through LMTP,
the last one twice; and reads back where each one went. Run again, it starts the server anew over the same folder and
delivers again. The server ends by itself after an hour, or with `make demo-stop`.
"""

import argparse
import json
import os
import re
import secrets
import shlex
import signal
import smtplib
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

from rich.console import Console

PROJECT = Path(__file__).resolve().parent.parent
SAMPLES = PROJECT / "tests" / "samples"
MAILS = (
    ("ham_reply", "anna"),
    ("spam_pills", "anna"),
    ("rfc_attachment", "ben+work"),
    ("wild_japanese", "ben"),
    ("wild_newsletter", "team"),
    ("spam_advance_fee", "team"),
    ("malformed_multipart", "anna"),
    ("rfc_bounce", "ben"),
)
"""Sample, and the local part it is for: `team` is an alias of both accounts, `work` a mailbox of ben's."""
COMMANDS = Path(sys.executable).parent
DOMAIN = "demo.test"
ACCOUNTS = ("anna", "ben")
BEHIND = {"team": ACCOUNTS, "anna": ("anna",), "ben": ("ben",), "ben+work": ("ben",)}
SENDER = "sender@example.org"
SERVER_SECONDS = 3600
LONGEST_FOLDER = 80
"""A Unix socket's path has 107 bytes at most, and ours stand a little below the folder."""


@dataclass(frozen=True, slots=True)
class Demo:
    """Where everything of the demo is."""

    folder: Path

    @property
    def settings(self) -> Path:
        return self.folder / "mda.toml"

    @property
    def socket(self) -> Path:
        return self.folder / "lmtp.sock"

    @property
    def pid_file(self) -> Path:
        return self.folder / "serve.pid"

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"


@dataclass(frozen=True, slots=True)
class Delivered:
    """One hand-over: `answer` is the MDA's reply text, `seconds` the time until it came."""

    sample: str
    way: str
    local_part: str
    answer: str
    seconds: float

    @property
    def ids(self) -> tuple[str, ...]:
        found = re.search(r"\bid=([0-9a-f,]+)", self.answer)
        return tuple(found[1].split(",")) if found else ()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stop", action="store_true", help="stop the demo's server, keep its folder")
    parser.add_argument("--folder", type=Path, help="default: build/demo, or below /var/tmp where that can't serve")
    arguments = parser.parse_args()
    demo = Demo(arguments.folder or _default_folder())
    if arguments.stop:
        print("stopped" if _stop(demo) else "nothing was running", f"({demo.folder})")
        return 0
    _run(demo)
    return 0


def _run(demo: Demo) -> None:
    console = Console(highlight=False)
    restarted = _stop(demo)
    _make_folder(demo.folder)
    demo.settings.write_text(f'data_dir = "{demo.folder}"\n[workers]\ncount = 2\n')
    console.print(f"[bold]mda demo[/bold] in {demo.folder}" + (" (restarted)" if restarted else ""))
    _mda(demo, "init", "--yes")
    _serve(demo)
    _make_accounts(demo)
    stamps = [f"{secrets.token_hex(5).upper()}" for _ in MAILS]
    delivered = [_deliver(demo, number, stamp) for number, stamp in enumerate(stamps)]
    delivered.append(_deliver(demo, len(MAILS) - 1, stamps[-1]))
    _show(console, demo, delivered)


def _default_folder() -> Path:
    """build/demo, unless its path is too long for a socket, or PostgreSQL (never root) can't get there."""
    folder = PROJECT / "build" / "demo"
    open_to_all = all(parent.stat().st_mode & stat.S_IXOTH for parent in PROJECT.parents if parent.exists())
    can_reach = open_to_all and PROJECT.stat().st_mode & stat.S_IXOTH
    if len(os.fsencode(folder)) <= LONGEST_FOLDER and (os.getuid() != 0 or can_reach):
        return folder
    return Path(f"/var/tmp/mda-demo-{os.getuid()}")  # noqa: S108 - our own folder, named by our uid, mode 0755


def _make_folder(folder: Path) -> None:
    """Its name is known beforehand, and below /var/tmp anybody could have made it, or a link."""
    folder.mkdir(parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SystemExit(
            f"{folder} is not a folder of yours; remove it, or: .venv/bin/python tools/demo.py --folder DIR"
        )
    folder.chmod(0o755)


def _mda(demo: Demo, *words: str, text: str | None = None) -> str:
    command = [str(COMMANDS / "mda"), "--config", str(demo.settings), *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr.strip()}\nThe server's log: {demo.log}")
    return done.stdout


def _listing(demo: Demo, *words: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(_mda(demo, *words, "--json"))
    return rows


def _make_accounts(demo: Demo) -> None:
    if DOMAIN not in {row["name"] for row in _listing(demo, "domain", "list")}:
        _mda(demo, "domain", "add", DOMAIN)
    known = {row["address"] for row in _listing(demo, "account", "list")}
    for name in ACCOUNTS:
        if f"{name}@{DOMAIN}" not in known:
            _mda(demo, "account", "add", f"{name}@{DOMAIN}", "--password-stdin", text=secrets.token_urlsafe(12) + "\n")
    if "work" not in {row["name"] for row in _listing(demo, "mailbox", "list", f"ben@{DOMAIN}")}:
        _mda(demo, "mailbox", "create", f"ben@{DOMAIN}", "work")
    if not _listing(demo, "alias", "list"):
        _mda(demo, "alias", "add", f"team@{DOMAIN}", *(f"{name}@{DOMAIN}" for name in ACCOUNTS))


def _serve(demo: Demo) -> None:
    """Starts `mda serve` in the background and waits until it answers."""
    with demo.log.open("ab") as log:
        server = subprocess.Popen(
            ["timeout", str(SERVER_SECONDS), str(COMMANDS / "mda"), "--config", str(demo.settings), "serve"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    demo.pid_file.write_text(f"{server.pid}\n")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with smtplib.LMTP(str(demo.socket)) as session:
                session.noop()
            return
        except (OSError, smtplib.SMTPException):
            time.sleep(0.1)
    raise SystemExit(f"the server did not start; its log: {demo.log}")


def _stop(demo: Demo) -> bool:
    """Ends the server that an earlier run left, by its own pid; True where there was one."""
    try:
        pid = int(demo.pid_file.read_text())
        if b"timeout" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return False
        os.kill(pid, signal.SIGTERM)
    except (OSError, ValueError):
        return False
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    demo.pid_file.unlink(missing_ok=True)
    return True


def _deliver(demo: Demo, number: int, queue_id: str) -> Delivered:
    """Hands one sample over, stamped as an MTA stamps each mail that it takes (RFC 5321 s4.4)."""
    sample, local_part = MAILS[number]
    stamp = f"Received: from demo by mx.{DOMAIN} (Postfix) with ESMTP id {queue_id}; {formatdate()}\n"
    raw = stamp.encode() + (SAMPLES / f"{sample}.eml").read_bytes().replace(b"\r\n", b"\n")
    way, hand_over = (("mda-pipe", _by_pipe), ("LMTP", _by_lmtp))[number % 2]
    started = time.monotonic()
    answer = hand_over(demo, f"{local_part}@{DOMAIN}", raw)
    return Delivered(sample, way, local_part, answer, time.monotonic() - started)


def _by_pipe(demo: Demo, recipient: str, raw: bytes) -> str:
    command = [str(COMMANDS / "mda-pipe"), "--socket", str(demo.socket), "-f", SENDER, "--", recipient]
    done = subprocess.run(command, input=raw, capture_output=True, check=False)
    return done.stdout.decode().strip() or f"exit {done.returncode}"


def _by_lmtp(demo: Demo, recipient: str, raw: bytes) -> str:
    with smtplib.LMTP(str(demo.socket)) as session:
        session.ehlo()  # smtplib says LHLO here
        session.mail(SENDER)
        session.rcpt(recipient)
        _, answer = session.data(raw.replace(b"\n", b"\r\n"))
    return answer.decode()


def _show(console: Console, demo: Demo, delivered: Sequence[Delivered]) -> None:
    console.print("\nWhat happened to each mail:\n")
    for one in delivered:
        console.print(f"[bold]{one.sample}[/bold], by {one.way} for {one.local_part}: {one.seconds * 1000:.1f} ms")
        for line in _copies(demo, one) or (f"no id in the answer: {one.answer}",):
            console.print(f"    {line}", soft_wrap=True)
    console.print("\nThe last mail was handed over twice, as after a lost answer: one id, one UID, stored once.")
    console.print("Times are from the first byte to the answer, mda-pipe's with the start of its process.\n")
    command = shlex.join([str(COMMANDS / "mda"), "--config", str(demo.settings)])
    console.print(f"Look around:  {command} message list anna@{DOMAIN}", soft_wrap=True)
    console.print(f"Its data:     {demo.folder}   (its log: {demo.log.name})", soft_wrap=True)
    console.print("Stop it:      make demo-stop   (it stops by itself after an hour)")


def _copies(demo: Demo, one: Delivered) -> list[str]:
    """A line per account that the mail went to, read back by the ids in the answer."""
    lines = []
    for name, identifier in zip(BEHIND[one.local_part], one.ids, strict=False):
        found = json.loads(_mda(demo, "message", "show", f"{name}@{DOMAIN}", identifier, "--json"))
        place = f"{name + ',':5} {found['mailbox'] + ',':6} uid {found['uid']}, shard {found['shard']}"
        lines.append(f"{place}, score {found['spam_score']:.4f}: {_reasons(found['spam_reasons'])}")
    return lines


def _reasons(reasons: Sequence[tuple[str, int, float]]) -> str:
    """The two kinds of evidence that weigh most, summed; above 0 speaks for spam."""
    together: dict[str, float] = {}
    for category, _, weight in reasons:
        together[category] = together.get(category, 0.0) + weight
    strongest = sorted(together.items(), key=lambda item: -abs(item[1]))[:2]
    return ", ".join(f"{category} {weight:+.1f}" for category, weight in strongest)


if __name__ == "__main__":
    sys.exit(main())
