"""Workers are rolled again and again under load: no connection is refused, no mail deferred, none lost or twice."""

import shutil
import signal
import smtplib
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.instance import Instance

ROLLS = 4
SENDERS = 4
ACCOUNTS = ("anne", "ben", "eve")


@pytest.fixture
def serving(database_url: str) -> Iterator[Instance]:
    instance = Instance(Path(tempfile.mkdtemp(prefix="mda")), database_url)
    instance.prepare("example.org", ACCOUNTS)
    instance.start()
    yield instance
    instance.close()
    shutil.rmtree(instance.folder)


class Sender(threading.Thread):
    """One message a connection, as fast as they are answered."""

    def __init__(self, instance: Instance, number: int, is_over: threading.Event) -> None:
        super().__init__()
        self._socket, self._number, self._is_over = str(instance.socket), number, is_over
        self.sent = 0
        self.failures: list[str] = []

    def run(self) -> None:
        while not self._is_over.is_set():
            recipient = f"{ACCOUNTS[self.sent % len(ACCOUNTS)]}@example.org"
            raw = f"Message-ID: <{self._number}.{self.sent}@example.net>\r\nSubject: x\r\n\r\nHello\r\n"
            try:
                session = smtplib.LMTP(self._socket)
                session.sendmail("a@example.net", [recipient], raw)
                # No QUIT: a session at rest may have been told 421 by then, which costs nobody anything.
                session.close()
            except (OSError, smtplib.SMTPException) as error:
                self.failures.append(repr(error))
            self.sent += 1


def test_rolled_workers_refuse_and_defer_nothing(serving: Instance) -> None:
    is_over = threading.Event()
    senders = [Sender(serving, number, is_over) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    process = serving.process
    assert process is not None
    seen = set(serving.workers())
    for roll in range(ROLLS):
        before = set(serving.workers())
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while before & set(serving.workers()) or len(serving.workers()) < 2:
            assert time.monotonic() < deadline, f"roll {roll}: the old workers did not leave"
            time.sleep(0.05)
        seen |= set(serving.workers())
    is_over.set()
    for sender in senders:
        sender.join()
    assert [failure for sender in senders for failure in sender.failures] == []
    sent = sum(sender.sent for sender in senders)
    assert sent > ROLLS * SENDERS
    assert len(seen) == 2 * (ROLLS + 1), "all workers were others each time"
    assert sum(row["used_messages"] for row in serving.listing("account", "list")) == sent
