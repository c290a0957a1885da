"""A warning of a quota is in the INBOX once, though the service is killed between its commit and its mail, and again
between its mail and its forgetting."""

import os
import shutil
import signal
import smtplib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.integration.instance import Instance

PATIENCE_SECONDS = 90
MAIL = "Subject: x\r\n\r\nHello\r\n"


@pytest.fixture
def serving(database_url: str) -> Iterator[Instance]:
    instance = Instance(Path(tempfile.mkdtemp(prefix="mda")), database_url)
    instance.prepare("example.org", ["anne"])
    instance.start()
    yield instance
    instance.close()
    shutil.rmtree(instance.folder)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        found: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    return found


END_DELIVERIES = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'mda-deliver' AND datname = current_database()
"""


def kill(instance: Instance, engine: Engine) -> None:
    """All of it at once, with what PostgreSQL is about to do for it, as if the machine had lost its power."""
    assert instance.process is not None
    for pid in (instance.process.pid, *instance.workers()):
        os.kill(pid, signal.SIGKILL)
    instance.process.wait()
    instance.process = None
    with engine.connect() as connection:
        connection.execute(text(END_DELIVERIES))


def send(instance: Instance) -> int:
    """The reply's code for one mail to anne."""
    with smtplib.LMTP(str(instance.socket)) as session:
        try:
            session.sendmail("a@example.net", ["anne@example.org"], MAIL)
        except smtplib.SMTPRecipientsRefused as refused:
            return int(refused.recipients["anne@example.org"][0])
        return 250


def test_a_warning_survives_kills_and_comes_once(serving: Instance, engine: Engine) -> None:
    assert send(serving) == 250
    with engine.connect() as stored, engine.connect() as noted:
        stored.execute(text("LOCK TABLE receipt"))  # no mail can be stored
        serving.mda("quota", "set", "anne@example.org", "--messages", "1")
        time.sleep(1.1)  # what a look-up is remembered for
        assert send(serving) == 552
        wait_until(lambda: count(engine, "quota_warning") == 1)
        kill(serving, engine)
        noted.execute(text("SELECT FROM quota_warning FOR UPDATE"))  # what is written can't be forgotten
        stored.rollback()
        assert count(engine, "message") == 1
        serving.start()
        wait_until(lambda: count(engine, "message") == 2)
        kill(serving, engine)
        assert count(engine, "quota_warning") == 1
        noted.rollback()
    serving.start()
    wait_until(lambda: count(engine, "quota_warning") == 0)
    assert send(serving) == 552
    assert [one["subject"] for one in serving.listing("message", "list", "anne@example.org")] == [
        "Your mailbox is 100 % full",
        "x",
    ]
    serving.mda("message", "expunge", "anne@example.org", "INBOX:1", "INBOX:2")
    time.sleep(1.1)
    assert send(serving) == 250
    wait_until(lambda: count(engine, "message") == 2)
    subjects = [one["subject"] for one in serving.listing("message", "list", "anne@example.org")]
    assert sorted(subjects) == ["Your mailbox is 100 % full", "x"], "it fell and rose again"
