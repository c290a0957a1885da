"""A server that says nothing more: whoever asks it is freed, and goes on with another connection."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
from sqlalchemy import Engine

from mda.errors import CommitUnknown
from mda.metadata.delivery.deliver import Committer, Stored
from mda.metadata.directory.resolve import Directory
from mda.metadata.postgresql import direct_connection
from mda.metadata.postgresql.direct_connection import DirectConnection
from mda.settings import Database
from tests.unit.metadata.deliveries import digest, make_accounts, make_delivery
from tests.unit.metadata.directory.test_resolve_connection import ANSWERS, QUESTION, ROWS, ours

LIMITS = Database(statement_timeout_seconds=1)
PATIENCE_SECONDS = 60


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct_connection, "GRACE_SECONDS", 0.0)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A backend that hangs: SIGSTOP."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_question_that_stays_open_loses_the_connection(database_url: str) -> None:
    with closing(DirectConnection(database_url, LIMITS, "mda-test", ())) as connection:
        pid = connection.open().info.backend_pid
        started = time.monotonic()
        with stopped(pid), pytest.raises(psycopg2.OperationalError), connection.asking() as cursor:
            cursor.execute("SELECT 1")
        assert time.monotonic() - started < PATIENCE_SECONDS


def test_a_slow_answer_within_the_time_is_waited_for(database_url: str) -> None:
    """And an open connection may be silent for as long as it likes."""
    with closing(DirectConnection(database_url, LIMITS, "mda-test", ())) as connection:
        connection.open()
        for _ in range(4):
            with connection.asking() as cursor:
                cursor.execute("SELECT pg_sleep(0.7)")
        time.sleep(2.5)
        assert connection.open().closed == 0


def test_the_directory_asks_again_on_another_connection(engine: Engine, database_url: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(ROWS)
    with closing(Directory(database_url, LIMITS)) as directory:
        assert directory.resolve(QUESTION) == ANSWERS
        (pid,) = ours(engine, "pid")
        assert isinstance(pid, int)
        with stopped(pid):
            assert directory.resolve(QUESTION) == ANSWERS


def test_a_commit_that_is_not_answered_is_unknown_and_the_next_one_goes_through(
    engine: Engine, database_url: str
) -> None:
    make_accounts(engine)
    with closing(Committer(database_url, LIMITS)) as committer:
        assert isinstance(committer.commit([make_delivery(1)])[0], Stored)
        with stopped(_delivery_backend(engine)):
            with pytest.raises(CommitUnknown):
                committer.commit([make_delivery(2, digest(2))])
            assert isinstance(committer.commit([make_delivery(2, digest(2))])[0], Stored)


def _delivery_backend(engine: Engine) -> int:
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'mda-deliver' AND datname = current_database()"
    with engine.begin() as connection:
        pid: int = connection.exec_driver_sql(query).scalar_one()
        return pid
