"""Compaction: space comes back, nothing else changes; whenever it dies, it goes on; a reader is never left without."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mda import settings
from mda.address import parse
from mda.errors import Conflict
from mda.identifiers import IdentifierSource
from mda.maintenance import compaction, shards
from mda.maintenance.compaction import Compacted, Removed, Rules, compact
from mda.metadata.directory import accounts
from mda.metadata.mailbox import places
from mda.storage.abandoned import list_segments
from mda.storage.folder_lock import maintained
from mda.storage.location import segment_path
from mda.storage.retired import list_retired
from tests.unit.cli.conftest import PROGRAM, System
from tests.unit.maintenance.conftest import AT_ONCE, age_seals, shard_bytes, shard_root
from tests.unit.maintenance.store import bodies, deliver, stored
from tests.unit.metadata.rows import assert_sums

ANNE = "anne@example.org"


def expunge_for_good(system: System, engine: Engine, uids: Sequence[int]) -> None:
    system.done("message", "expunge", ANNE, *(f"INBOX:{uid}" for uid in uids))
    system.done("account", "retention", ANNE, "0")
    system.done("storage", "compact", "--dead", "100")


@pytest.fixture
def half_dead(anne: System, engine: Engine) -> tuple[System, dict[int, bytes]]:
    """A segment with 40 messages of which 10 live; what they are, by UID."""
    raws = bodies(40)
    deliver(anne, raws)
    alive = {uid: raws[uid - 1] for uid in range(4, 41, 4)}
    expunge_for_good(anne, engine, [uid for uid in range(1, 41) if uid not in alive])
    age_seals(shard_root(anne))
    return anne, alive


def run_all(system: System, engine: Engine, rules: Rules = AT_ONCE) -> list[Compacted | Removed]:
    (shard,) = shards.all_shards(engine)
    return list(compact(engine, shard, settings.load(system.file, {}), rules, IdentifierSource()))


def test_dry_run_names_what_would_be_rewritten_and_changes_nothing(
    half_dead: tuple[System, dict[int, bytes]], engine: Engine
) -> None:
    system, _ = half_dead
    before = {path: path.stat().st_mtime_ns for path in shard_root(system).rglob("*")}
    system.done("message", "expunge", ANNE, "INBOX:4")  # stays to be expired: not even that is done
    (first, *_) = found = system.listed("storage", "compact", "--dry-run")
    assert found == system.listed("storage", "compact", "--dry-run")
    assert (first["shard"], len(first["segment"])) == ("first", 16)
    assert 0 < first["live_bytes"] < first["bytes"] / 2
    assert before == {path: path.stat().st_mtime_ns for path in shard_root(system).rglob("*")}
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM expunged")) == 1
    assert f"compacted segment {first['segment']}" in system.done("storage", "compact")


def test_what_a_run_did_as_json(half_dead: tuple[System, dict[int, bytes]]) -> None:
    system, _ = half_dead
    done = system.listed("storage", "compact", "--remove-after", "0")
    assert done["compacted_segments"] >= 1
    assert done["left_segments"] == 0
    assert 0 < done["kept_bytes"] < done["read_bytes"]


def test_space_comes_back_and_nothing_else_changes(half_dead: tuple[System, dict[int, bytes]], engine: Engine) -> None:
    system, alive = half_dead
    before = sum(path.stat().st_size for path in shard_root(system).rglob("*.seg"))
    listed = system.listed("message", "list", ANNE)
    steps = run_all(system, engine)
    assert sum(isinstance(step, Removed) for step in steps) == sum(isinstance(step, Compacted) for step in steps) >= 1
    after = sum(path.stat().st_size for path in shard_root(system).rglob("*.seg"))
    assert after < before * 0.45
    assert system.listed("message", "list", ANNE) == listed
    assert stored(system) == alive
    assert_sums(engine, accounts.find(engine, parse(ANNE)).id)
    age_seals(shard_root(system))
    assert run_all(system, engine) == [], "what it made is not compacted again"


def test_segment_stays_for_its_grace_then_goes(half_dead: tuple[System, dict[int, bytes]], engine: Engine) -> None:
    system, alive = half_dead
    old = [segment for segment, _ in list_segments(shard_root(system))]
    run_all(system, engine, Rules(0.5, -1, grace_seconds=1000))
    retired = {one.segment for one in list_retired(shard_root(system))}
    assert retired
    assert retired <= set(old)
    assert all(segment_path(shard_root(system), segment).exists() for segment in retired)
    assert run_all(system, engine, Rules(0.5, -1, grace_seconds=1000)) == []
    steps = run_all(system, engine)
    assert {step.segment for step in steps if isinstance(step, Removed)} == retired
    assert stored(system) == alive


def test_space_comes_back_though_every_run_is_broken_off(
    half_dead: tuple[System, dict[int, bytes]], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, alive = half_dead
    run_all(system, engine, Rules(0.5, -1, grace_seconds=1000))
    retired = {one.segment for one in list_retired(shard_root(system))}

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(compaction, "rewrite", die)
    with pytest.raises(KeyboardInterrupt):
        run_all(system, engine)
    assert retired
    assert not [segment for segment in retired if segment_path(shard_root(system), segment).exists()]
    assert stored(system) == alive


def test_retired_segment_that_a_row_leads_to_again_lives_on(
    half_dead: tuple[System, dict[int, bytes]], engine: Engine
) -> None:
    """As after a database was restored to before the compaction."""
    system, alive = half_dead
    with engine.begin() as connection:
        rows = connection.execute(text('SELECT id, segment, "offset", length FROM content')).all()
    run_all(system, engine, Rules(0.5, -1, grace_seconds=1000))
    with engine.begin() as connection:
        for row in rows:
            connection.execute(
                text('UPDATE content SET segment = :segment, "offset" = :offset, length = :length WHERE id = :id'),
                row._asdict(),
            )
    steps = run_all(system, engine, Rules(dead_share=1.0, settled_seconds=-1, grace_seconds=0))
    assert not {step.segment for step in steps} & {row.segment for row in rows}
    assert stored(system) == alive
    age_seals(shard_root(system))
    run_all(system, engine)
    assert stored(system) == alive


class Died(BaseException):
    """Stands for kill -9: nothing catches it."""


@pytest.mark.parametrize("place", ["repoint", "retire", "remove"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_dies_at_any_step_and_goes_on(
    half_dead: tuple[System, dict[int, bytes]],
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    after: bool,
) -> None:
    system, alive = half_dead
    owner = places if place == "repoint" else compaction
    real: Callable[..., object] = getattr(owner, place)

    def dying(*arguments: object) -> object:
        if after:
            real(*arguments)
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(owner, place, dying)
        with pytest.raises(Died):
            run_all(system, engine)
    assert stored(system) == alive
    age_seals(shard_root(system))
    run_all(system, engine)
    age_seals(shard_root(system))
    run_all(system, engine)
    assert stored(system) == alive
    live = sum(places.live_bytes(engine, shards.all_shards(engine)[0].id).values())
    assert sum(path.stat().st_size for path in shard_root(system).rglob("*.seg")) < 2.5 * live


def test_killed_beside_deliveries_again_and_again(anne: System, engine: Engine) -> None:
    """kill -9 of the real command at random moments, new mail between: all is there, and space comes back."""
    source = random.Random(4)
    system = anne
    alive: dict[int, bytes] = {}
    key = "#maintenance_bytes_per_second = 4000000"
    system.file.write_text(system.file.read_text().replace(key, "maintenance_bytes_per_second = 40000"))
    uid = 0
    for turn in range(6):
        raws = bodies(30, turn)
        deliver(system, raws)
        alive |= {uid + place: raw for place, raw in enumerate(raws, 1)}
        uid += len(raws)
        gone = [one for one in alive if source.random() < 0.6]
        alive = {one: raw for one, raw in alive.items() if one not in gone}
        system.done("message", "expunge", ANNE, *(f"INBOX:{one}" for one in gone))
        system.done("account", "retention", ANNE, "0")
        age_seals(shard_root(system))
        command = [*PROGRAM, "storage", "compact", "--remove-after", "0"]
        process = subprocess.Popen(command, env=os.environ | {"MDA_CONFIG": str(system.file)})
        time.sleep(source.uniform(0.6, 3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert stored(system) == alive, f"turn {turn}"
    system.file.write_text(system.file.read_text().replace("= 40000", "= 400000000"))
    for _ in range(2):
        age_seals(shard_root(system))
        system.done("storage", "compact", "--remove-after", "0")
    assert stored(system) == alive
    live = sum(places.live_bytes(engine, shards.all_shards(engine)[0].id).values())
    assert sum(path.stat().st_size for path in shard_root(system).rglob("*.seg")) < 2.5 * live
    assert_sums(engine, accounts.find(engine, parse(ANNE)).id)


def test_body_without_row_is_kept(half_dead: tuple[System, dict[int, bytes]], engine: Engine) -> None:
    """A database restored to an hour ago lacks it; the check brings it back, compaction must not take it first."""
    system, alive = half_dead
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM content WHERE id = (SELECT content_id FROM message WHERE uid = 40)"))
        connection.execute(text("DELETE FROM message WHERE uid = 40"))
    steps = run_all(system, engine)
    assert sum(step.copied.unclaimed for step in steps if isinstance(step, Compacted)) == 1
    assert alive[40] in shard_bytes(shard_root(system))


def test_damaged_segment_stays_and_is_named(half_dead: tuple[System, dict[int, bytes]], engine: Engine) -> None:
    system, alive = half_dead
    path = next(path for path in shard_root(system).rglob("*.seg") if path.stat().st_size > 10_000)
    octets = bytearray(path.read_bytes())
    octets[500] ^= 1
    path.write_bytes(octets)
    system.done("storage", "compact", "--remove-after", "0")
    assert path.exists()
    told = system.run("storage", "compact", "--remove-after", "0").stderr
    assert f"segment {path.stem} stays" in told
    assert "offset 0" in told
    assert stored(system) == alive


def test_one_maintainer_a_shard(half_dead: tuple[System, dict[int, bytes]], engine: Engine) -> None:
    system, _ = half_dead
    with maintained(shard_root(system), "first"), pytest.raises(Conflict, match="another process"):
        run_all(system, engine)


def test_what_was_sealed_just_now_is_left(half_dead: tuple[System, dict[int, bytes]], engine: Engine) -> None:
    system, alive = half_dead
    seal: Path = next(shard_root(system).rglob("*.seal"))
    assert seal.exists()
    assert run_all(system, engine, Rules(0.5, settled_seconds=10**10, grace_seconds=0)) == []
    assert stored(system) == alive
