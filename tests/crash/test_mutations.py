"""A program that breaks one promise is found out: the crash runs would not pass without the code that keeps it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from tests.crash.checker import Flaw, check_all
from tests.crash.database import Ruined
from tests.crash.faults import ALWAYS, Call, Effect, Role, Rule
from tests.crash.house import House
from tests.crash.rounds import loaded

CUTS = 12

NO_FDATASYNC = Rule(Call.FDATASYNC, ".seg", Effect.LIE, times=ALWAYS)
NO_FOLDER_SYNC = Rule(Call.FSYNC, "shards/", Effect.LIE, times=ALWAYS)
NO_WAL_SYNC = Rule(Call.FDATASYNC, "pg_wal", Effect.LIE, times=ALWAYS, roles=Role.POSTGRES)
ROOT = Path(__file__).parents[2]
EARLY_ROWS = ("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.crash.early_rows")
"""With a path on which the workers find their composer."""


@pytest.mark.parametrize(
    ("rules", "serve", "flaw"),
    [
        ((NO_FDATASYNC,), (), Flaw.UNREADABLE),
        ((NO_FOLDER_SYNC,), (), Flaw.UNREADABLE),
        ((NO_WAL_SYNC,), (), Flaw.LOST),
        ((), EARLY_ROWS, Flaw.UNREADABLE),
    ],
    ids=["no fdatasync", "no fsync of folders", "PostgreSQL without fsync", "row before body"],
)
def test_a_broken_promise_is_found_out(
    open_folder: Path, rules: Sequence[Rule], serve: Sequence[str], flaw: Flaw
) -> None:
    house = House(open_folder, serve)
    assert flaw in flaws_of(house, rules)


def flaws_of(house: House, rules: Sequence[Rule]) -> set[Flaw]:
    """What power cuts under load bring to light, the first that do. A PostgreSQL that has a checkpoint in its control
    file and not in its log has lost what it had acknowledged, and can't be asked any more."""
    try:
        return _flaws_of_cuts(house, rules, Random(1))
    except Ruined:
        return {Flaw.LOST}


def _flaws_of_cuts(house: House, rules: Sequence[Rule], random: Random) -> set[Flaw]:
    with loaded(house, random) as run:
        house.faults.always = tuple(rules)
        house.faults.set()
        for _ in range(CUTS):
            run.let_run()
            house.cut_power(random)
            house.start()
            if found := run.ask(lambda rows: check_all(rows, house.shards, run.ledger, is_settled=False)):
                return {finding.flaw for finding in found}
    return set()
