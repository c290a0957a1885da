"""Mail through a real Postfix, by LMTP and by pipe(8): what it took it must deliver once, or still have."""

import itertools
import smtplib
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.crash.ledger import Ledger, make_mail
from tests.crash.processes import children, name_of
from tests.integration.postfix import Lmtp, Pipe, Postfix, Setup

PIPE_DOMAIN = "pipe.crash.test"
PAUSE_SECONDS = 0.04


def setup(socket: Path, mda_pipe: Path, lmtp_domain: str) -> Setup:
    argv = f"{mda_pipe} --socket {socket} --queue-id ${{queue_id}} -f ${{sender}} -- ${{recipient}}"
    return Setup({lmtp_domain: Lmtp(socket), PIPE_DOMAIN: Pipe(argv)})


class PostfixLoad:
    """One sender in a thread of its own, from `start` until `finish`."""

    def __init__(self, postfix: Postfix, addresses: Sequence[str], ledger: Ledger, seed: int) -> None:
        self.postfix = postfix
        self._addresses = addresses
        self._ledger = ledger
        self._random = Random(seed)
        self._numbers = itertools.count(1)
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="postfix-load", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def daemons(self, name: str) -> tuple[int, ...]:
        """Postfix's own processes of that name (lmtp, pipe), or those that pipe runs (mda-pipe)."""
        master = int((self.postfix.folder / "queue/pid/master.pid").read_text())
        daemons = children(master)
        programs = (child for pid in daemons if name_of(pid) == "pipe" for child in children(pid))
        return tuple(pid for pid in (*daemons, *programs) if name_of(pid) == name)

    def finish(self, seconds: float) -> bool:
        """Whether Postfix got rid of everything in time."""
        self._is_ending.set()
        self._thread.join()
        deadline = time.monotonic() + seconds
        while self.postfix.queue():
            if time.monotonic() > deadline:
                return False
            self.postfix.flush()
            time.sleep(0.5)
        return True

    def _run(self) -> None:
        while not self._is_ending.wait(PAUSE_SECONDS):
            recipients = self._random.sample(self._addresses, self._random.choice((1, 1, 2)))
            mail = make_mail(f"P{next(self._numbers)}", recipients, self._random, is_stamped=False)
            # Known before Postfix has it: from then on it may be delivered.
            self._ledger.note_sent(mail)
            try:
                self.postfix.send(mail.recipients, mail.raw, mail.sender)
            except (OSError, smtplib.SMTPException, AssertionError):
                self._ledger.forget(mail)
