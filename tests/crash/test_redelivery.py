"""Exactly once with a real Postfix whose process dies after we have stored its mail and before it has our 250."""

import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from mda.metadata.postgresql.engine import make_engine
from tests.crash.checker import check_all
from tests.crash.faults import ALWAYS, Call, Effect, Role, Rule
from tests.crash.house import DOMAIN, House
from tests.crash.ledger import Ledger, make_mail
from tests.crash.postfix_load import PIPE_DOMAIN, PostfixLoad, setup
from tests.crash.processes import kill, wait_until
from tests.integration.postfix import running
from tests.requirements import require_postfix

WAIT_SECONDS = 60

LATE_COMMIT = Rule(Call.FDATASYNC, "pg_wal", Effect.NONE, roles=Role.POSTGRES, times=ALWAYS, delay_seconds=2.0)
"""Time enough to kill who waits for the answer."""

COMMITTING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mda-deliver' AND state = 'active'"


@dataclass(frozen=True, slots=True)
class Stage:
    house: House
    postfix: PostfixLoad
    ledger: Ledger


@pytest.fixture(scope="module")
def stage(shared_folder: Path) -> Iterator[Stage]:
    require_postfix()
    house, ledger = House(shared_folder), Ledger()
    try:
        house.prepare()
        program = shared_folder / "mda-pipe"
        shutil.copy(Path(sys.executable).parent / "mda-pipe", program)
        house.instance.mda("domain", "add", PIPE_DOMAIN)
        house.add_accounts([f"p@{PIPE_DOMAIN}"])
        house.start()
        with running(setup(house.instance.socket, program, DOMAIN)) as postfix:
            yield Stage(house, PostfixLoad(postfix, (), ledger, 0), ledger)
    finally:
        house.end()


@pytest.mark.postfix
@pytest.mark.parametrize(
    ("victim", "recipient", "is_requeued"),
    [
        ("lmtp", f"a0@{DOMAIN}", False),
        ("lmtp", f"a0@{DOMAIN}", True),
        ("mda-pipe", f"p@{PIPE_DOMAIN}", False),
        ("mda-pipe", f"p@{PIPE_DOMAIN}", True),
    ],
)
def test_a_lost_answer_is_given_again(stage: Stage, victim: str, recipient: str, is_requeued: bool) -> None:
    before = rows(stage.house)
    mail = make_mail(f"R{before}", [recipient], Random(before), is_stamped=False)
    stage.ledger.note_sent(mail)
    postfix = stage.postfix.postfix
    stage.house.faults.set(LATE_COMMIT)
    postfix.send(mail.recipients, mail.raw, mail.sender)
    wait_until(lambda: count(stage.house, COMMITTING) > 0, WAIT_SECONDS, "the commit")
    victims = stage.postfix.daemons(victim)
    assert victims
    for pid in victims:
        kill(pid)
    stage.house.faults.set()
    wait_until(lambda: rows(stage.house) == before + 1, WAIT_SECONDS, "the first delivery's row")
    assert postfix.queue()
    if is_requeued:
        postfix.requeue()
    deliver_all(stage)
    assert postfix.log_text().count("Saved again") == before + 1
    engine = make_engine(stage.house.database.url)
    with engine.connect() as connection:
        assert check_all(connection, stage.house.shards, stage.ledger, is_settled=True) == []
    engine.dispose()


def rows(house: House) -> int:
    return count(house, "SELECT count(*) FROM message")


def count(house: House, query: str) -> int:
    engine = make_engine(house.database.url)
    with engine.connect() as connection:
        counted: int = connection.exec_driver_sql(query).scalar_one()
    engine.dispose()
    return counted


def deliver_all(stage: Stage) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while stage.postfix.postfix.queue():
        assert time.monotonic() < deadline, stage.postfix.postfix.log_text()[-3000:]
        stage.postfix.postfix.flush()
        time.sleep(0.3)
