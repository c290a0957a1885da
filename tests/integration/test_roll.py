"""Workers are rolled again and again under load: no connection is refused, no mail deferred, none lost or twice."""

import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.instance import Instance
from tests.integration.senders import ACCOUNTS, Sender

ROLLS = 4
SENDERS = 4


@pytest.fixture
def serving(database_url: str) -> Iterator[Instance]:
    instance = Instance(Path(tempfile.mkdtemp(prefix="mda")), database_url)
    instance.prepare("example.org", ACCOUNTS)
    instance.start()
    yield instance
    instance.close()
    shutil.rmtree(instance.folder)


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
