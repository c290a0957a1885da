"""A dictionary trained of what a shard stores: used by workers, compaction, moves, backups and the rebuild."""

import json
import random
from pathlib import Path

from sqlalchemy import Engine, text

from mda.storage.scan import Found, scan_segment
from tests.unit.cli.conftest import System
from tests.unit.maintenance.conftest import age_seals, shard_root
from tests.unit.maintenance.store import ANNE, deliver, stored

WORDS = [f"word{number}-{number * 7919}" for number in range(300)]
RAWS = [
    f"Subject: {seed}\r\n\r\n{' '.join(random.Random(seed).choices(WORDS, k=120))}\r\n".encode() for seed in range(300)
]


def named(root: Path) -> set[int]:
    """Dictionaries that the shard's message records name."""
    steps = (step for path in root.rglob("*.seg") for step in scan_segment(path))
    return {step.header.dictionary_id for step in steps if isinstance(step, Found) and step.header.kind == 1}


def test_everything_goes_on_with_a_dictionary(anne: System, engine: Engine, tmp_path: Path) -> None:
    deliver(anne, RAWS)
    assert named(shard_root(anne)) == {32768}, "the one that comes with the package"
    told = anne.done("storage", "train-dictionary", "--samples", "300")
    assert "dictionary 32769 of 300 messages" in told
    percents = [int(word.rstrip("%")) for word in told.split() if word.endswith("%")]
    assert percents[0] < percents[1]
    deliver(anne, RAWS[:5])
    assert named(shard_root(anne)) == {32768, 32769}
    anne.done("message", "expunge", ANNE, *(f"INBOX:{uid}" for uid in range(1, 291)))
    anne.done("account", "retention", ANNE, "0")
    age_seals(shard_root(anne))
    for _ in range(2):
        anne.done("storage", "compact", "--remove-after", "0")
        age_seals(shard_root(anne))
    assert named(shard_root(anne)) == {32769}, "compaction compresses anew"
    alive = dict(enumerate(RAWS[290:] + RAWS[:5], 291))
    assert stored(anne) == alive
    assert anne.run("storage", "check").exit_code == 0
    anne.done("backup", str(tmp_path / "backup"))
    anne.done("shard", "add", "second", str(tmp_path / "second"))
    anne.done("shard", "move", ANNE, "second")
    assert stored(anne) == alive
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    anne.done("restore", str(tmp_path / "backup"), "--into", str(tmp_path / "restored"))
    assert stored(anne) == alive


def test_empty_shard_keeps_no_other_from_its_own(anne: System, tmp_path: Path) -> None:
    deliver(anne, RAWS[:150])
    anne.done("shard", "add", "another", str(tmp_path / "another"))
    told = anne.run("storage", "train-dictionary", "--samples", "100", "--json")
    assert told.exit_code == 0, told.output
    assert [one["shard"] for one in json.loads(told.stdout)] == ["first"]
    assert "shard another holds no messages" in told.stderr


def test_empty_shard_has_nothing_to_train_of(anne: System) -> None:
    assert "holds no messages" in anne.refused("storage", "train-dictionary")
