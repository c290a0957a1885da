"""A short crash run for every change: nothing is lost, nothing twice (`make test-crash` makes long ones)."""

from pathlib import Path

import pytest

from tests.crash.figures import report
from tests.crash.rounds import prepared
from tests.requirements import require_postfix

KILLS = 8
SEED = 20261127


@pytest.mark.postfix
def test_nothing_is_lost_or_stored_twice(open_folder: Path) -> None:
    require_postfix()
    with prepared(open_folder, SEED, has_postfix=True) as run:
        run.rounds(KILLS, 0)
        run.settle()
    said = report(run.figures, run.ledger)
    assert not run.figures.findings, said
    assert run.figures.power_cuts, said
    assert run.figures.octets_lost, said
    assert run.figures.commits is not None
    assert run.figures.commits.unsealed == 0, said


def test_a_database_that_is_gone_for_good_is_started_again(open_folder: Path) -> None:
    with prepared(open_folder, SEED, has_postfix=False) as run:
        run.let_run()
        run.house.database.kill_all()
        assert run.ask(lambda _: []) == []
        run.settle()
    assert not run.figures.findings, report(run.figures, run.ledger)
