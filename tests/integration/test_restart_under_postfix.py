"""Workers and supervisor restart and crash under load from a real Postfix: nothing bounces, nothing is suspended.

"delivery temporarily suspended" in Postfix's log means that it holds back everything for the MDA for minutes, after
refused connections or greetings of 421. A message whose connection broke in the middle is deferred, and stored once
when it is tried again.
"""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from mda.metadata.content.facts import of_row
from mda.metadata.postgresql.engine import make_engine
from mda.metadata.schema.tables import account_state, content, mailbox
from tests.integration.instance import Instance
from tests.integration.postfix import Lmtp, Pipe, Postfix, Setup, running
from tests.requirements import require_postfix

pytestmark = pytest.mark.postfix

MAILS = 120
SENDERS = 3
SETTLE_SECONDS = 120


def restart_by_reload(instance: Instance) -> None:
    assert instance.process is not None
    instance.process.send_signal(signal.SIGHUP)


def restart_behind_a_held_socket(instance: Instance) -> None:
    """As systemd does with mda.socket: the service ends and begins, the socket stays."""
    assert instance.stop() == 0
    instance.start()


def kill_a_worker(instance: Instance) -> None:
    workers = instance.workers()
    if workers:
        os.kill(workers[0], signal.SIGKILL)


def kill_all_workers(instance: Instance) -> None:
    for pid in instance.workers():
        os.kill(pid, signal.SIGKILL)


def kill_the_supervisor(instance: Instance) -> None:
    """Its workers serve on; the next supervisor takes their place."""
    assert instance.process is not None
    instance.process.kill()
    instance.process.wait()
    time.sleep(0.5)
    instance.start()


@pytest.fixture
def postfix(instance: Instance, trouble: Callable[[Instance], None]) -> Iterator[Postfix]:
    require_postfix()
    instance.prepare("lmtp.test", ["anna"])
    if trouble is restart_behind_a_held_socket:
        instance.hold_socket()
    instance.mda("domain", "add", "pipe.test")
    instance.mda("account", "add", "ben@pipe.test", "--password-stdin", stdin=b"correct horse\n")
    instance.start()
    program = instance.folder / "mda-pipe"
    shutil.copy(Path(sys.executable).parent / "mda-pipe", program)
    argv = f"{program} --socket {instance.socket} --queue-id ${{queue_id}} -f ${{sender}} -- ${{recipient}}"
    with running(Setup({"lmtp.test": Lmtp(instance.socket), "pipe.test": Pipe(argv)})) as made:
        yield made


@pytest.mark.parametrize(
    "trouble", [restart_by_reload, restart_behind_a_held_socket, kill_a_worker, kill_all_workers, kill_the_supervisor]
)
def test_every_mail_is_stored_once(instance: Instance, postfix: Postfix, trouble: Callable[[Instance], None]) -> None:
    senders = [threading.Thread(target=send_many, args=(postfix, number)) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        trouble(instance)
        time.sleep(1.0)
    for sender in senders:
        sender.join()
    settle(postfix)

    log = postfix.log_text()
    assert "status=bounced" not in log
    assert "temporarily suspended" not in log
    assert {one.dsn[0] for one in postfix.deliveries()} <= {"2", "4"}
    expected = sorted(f"{number}-{count}@there.test" for number in range(SENDERS) for count in range(MAILS // SENDERS))
    assert stored_senders(instance, "anna@lmtp.test") == expected
    assert stored_senders(instance, "ben@pipe.test") == expected


def send_many(postfix: Postfix, number: int) -> None:
    for count in range(MAILS // SENDERS):
        raw = b"Subject: %d of %d\r\n\r\n" % (count, number) + b"text\r\n" * 500
        postfix.send(["anna@lmtp.test", "ben@pipe.test"], raw, f"{number}-{count}@there.test")


def settle(postfix: Postfix) -> None:
    """Waits until Postfix has nothing left, trying deferred mail again."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while queued := postfix.queue():
        assert time.monotonic() < deadline, f"{len(queued)} mails are left:\n{postfix.log_text()[-3000:]}"
        if all(one.queue_name == "deferred" for one in queued):
            postfix.flush()
        time.sleep(0.5)


def stored_senders(instance: Instance, account: str) -> list[str]:
    """The senders of the account's messages, sorted; with the counters held against the rows."""
    domain_account = [row for row in instance.listing("account", "list") if row["address"] == account]
    assert len(domain_account) == 1
    engine = make_engine(instance.database_url)
    with engine.connect() as connection:
        prefixes = [of_row(row).prefix for row in connection.execute(select(content))]
        own = (prefix for prefix in prefixes if f"Delivered-To: {account}".encode() in prefix)
        senders = sorted(prefix.split(b"<")[1].split(b">")[0].decode() for prefix in own)
        counted = connection.execute(select(account_state.c.message_count)).scalars().all()
        in_mailboxes = connection.execute(select(mailbox.c.message_count, mailbox.c.uid_next)).all()
    engine.dispose()
    assert sum(counted) == sum(row.message_count for row in in_mailboxes)
    assert all(row.uid_next == row.message_count + 1 for row in in_mailboxes)
    return senders
