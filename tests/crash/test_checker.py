"""The checker finds what is planted: each kind of damage, and none where there is none."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, text

from mda.metadata.postgresql.engine import make_engine
from mda.metadata.schema.tables import content
from mda.storage.location import segment_path
from tests.crash.checker import ROWS, Finding, Flaw, check_all, check_new
from tests.crash.commits import check_commits
from tests.crash.house import House
from tests.crash.ledger import Acknowledged, Ledger
from tests.crash.rounds import SETTLE_SECONDS, loaded


@dataclass(frozen=True, slots=True)
class Store:
    """What a load has left, at rest."""

    shards: Path
    ledger: Ledger
    connection: Connection

    def findings(self) -> list[Finding]:
        return check_all(self.connection, self.shards, self.ledger, is_settled=True)

    def flaws(self) -> set[Flaw]:
        return {finding.flaw for finding in self.findings()}

    def run(self, statement: str) -> None:
        changed = self.connection.execute(text(statement)).rowcount
        assert changed == 1, statement


@pytest.fixture(scope="module")
def at_rest(shared_folder: Path) -> Iterator[tuple[House, Ledger]]:
    house = House(shared_folder)
    with loaded(house, Random(3)) as run:
        run.let_run()
        assert run.lmtp.finish(SETTLE_SECONDS)
        house.instance.stop()
        yield house, run.ledger


@pytest.fixture
def store(at_rest: tuple[House, Ledger]) -> Iterator[Store]:
    """What a test plants in the tables is rolled back."""
    house, ledger = at_rest
    engine = make_engine(house.database.url)
    with engine.connect() as connection, connection.begin() as transaction:
        yield Store(house.shards, ledger, connection)
        transaction.rollback()
    engine.dispose()


ONE = "(SELECT min(id) FROM content)"
TWIN = 9_000_000_000_000_000_000
ANOTHER = "(SELECT max(id) FROM content)"

PLANTS: dict[str, tuple[str, Flaw]] = {
    "a loss": (f"DELETE FROM message WHERE content_id = {ONE}", Flaw.LOST),
    "another UID": (f"UPDATE message SET uid = 1000000 WHERE content_id = {ONE}", Flaw.MOVED),
    "another's record": (
        'UPDATE content SET (segment, "offset", length, digest) = (SELECT segment, "offset", length, digest FROM'
        f" content WHERE id = {ANOTHER}) WHERE id = {ONE}",
        Flaw.MISSING,
    ),
    "a row into nothing": (f'UPDATE content SET "offset" = "offset" + 1 WHERE id = {ONE}', Flaw.UNREADABLE),
    "a segment that is gone": (f"UPDATE content SET segment = 1 WHERE id = {ONE}", Flaw.UNREADABLE),
    "a second record that is nowhere": (
        'UPDATE replica SET "offset" = "offset" + 1 WHERE content_id = (SELECT min(content_id) FROM replica)',
        Flaw.UNREADABLE,
    ),
    "no second record": (
        "DELETE FROM replica WHERE content_id = (SELECT min(content_id) FROM replica)",
        Flaw.SINGLE,
    ),
    "a digest": (f"UPDATE content SET digest = sha256('x') WHERE id = {ONE}", Flaw.CHANGED),
    "a mailbox's counter": (
        "UPDATE mailbox SET message_count = message_count + 1 WHERE id = (SELECT max(mailbox_id) FROM message)",
        Flaw.COUNTERS,
    ),
    "an account's octets": (
        "UPDATE account_state SET bytes = bytes - 1 WHERE account_id = (SELECT max(account_id) FROM message)",
        Flaw.COUNTERS,
    ),
    "a UIDNEXT that stands still": (
        "UPDATE mailbox SET uid_next = uid_next - 1 WHERE id = (SELECT max(mailbox_id) FROM message)",
        Flaw.UID_NEXT,
    ),
}


def test_nothing_is_found_where_nothing_is_wrong(store: Store) -> None:
    assert store.findings() == []
    assert len(store.ledger.acknowledged) > 20
    assert check_new(store.connection, store.shards, store.ledger, store.ledger.since(0)) == []
    read, found = check_commits(store.connection, store.shards)
    assert found == []
    assert read.rows_with_record == read.rows > 20  # nobody was killed: each row has its commit record
    assert read.unsealed == 0


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_planted_in_the_rows_is_found(store: Store, plant: str) -> None:
    statement, flaw = PLANTS[plant]
    store.run(statement)
    assert flaw in store.flaws()


def test_a_duplicate_is_found(store: Store) -> None:
    """Counted everywhere, as a second delivery would be."""
    names = ", ".join(f'"{column.name}"' for column in content.columns if column.name != "id")
    store.run(f"INSERT INTO content (id, {names}) SELECT {TWIN}, {names} FROM content WHERE id = {ONE}")
    store.run(
        "INSERT INTO message (account_id, mailbox_id, uid, content_id, modseq, internal_date)"
        f" SELECT account_id, mailbox_id, 900000, {TWIN}, modseq, internal_date FROM message WHERE content_id = {ONE}"
    )
    assert Flaw.DUPLICATED in store.flaws()


def test_a_reused_uid_is_found(store: Store) -> None:
    """Two 250s of one mailbox with the same UID: the second took it from the first."""
    first, second = _two_of_one_mailbox(store)
    said = [replace(one, uid=first.uid) if one == second else one for one in store.ledger.since(0)]
    found = check_new(store.connection, store.shards, store.ledger, said)
    assert {Flaw.UID_TWICE, Flaw.MOVED} <= {finding.flaw for finding in found}


def _two_of_one_mailbox(store: Store) -> tuple[Acknowledged, Acknowledged]:
    said = {one.content_id: one for one in store.ledger.since(0)}
    by_mailbox: dict[int, list[int]] = {}
    for row in store.connection.execute(ROWS):
        by_mailbox.setdefault(row.mailbox_id, []).append(row.id)
    pair = next(ids for ids in by_mailbox.values() if len(ids) > 1)
    return said[pair[0]], said[pair[1]]


@pytest.mark.parametrize("damage", ["a flipped bit", "a cut segment", "a seal that ends before"])
def test_damaged_bytes_are_found(store: Store, damage: str) -> None:
    row = store.connection.execute(ROWS).first()
    assert row is not None
    (path,) = store.shards.rglob(segment_path(Path(), row.segment).name)
    damaged: dict[str, Callable[[], None]] = {
        "a flipped bit": lambda: _flip(path, row.offset + row.length - 1),
        "a cut segment": lambda: os.truncate(path, row.offset + row.length - 1),
        "a seal that ends before": lambda: _shorten(path.with_suffix(".seal"), row.offset),
    }
    kept = [(one, one.read_bytes()) for one in (path, path.with_suffix(".seal"))]
    try:
        damaged[damage]()
        assert Flaw.UNREADABLE in store.flaws()
    finally:
        for one, raw in kept:
            one.write_bytes(raw)


def _flip(path: Path, offset: int) -> None:
    stored = bytearray(path.read_bytes())
    stored[offset] ^= 1
    path.write_bytes(stored)


def _shorten(seal: Path, length: int) -> None:
    head, _, tail = seal.read_text().partition("length=")
    seal.write_text(f"{head}length={length} {tail.split(' ', 1)[1]}")


def test_an_answer_that_must_not_come_is_found(store: Store) -> None:
    store.ledger.wrong.append("L1 to a@crash.test: 550 5.1.1 no such mailbox here")
    assert store.flaws() == {Flaw.WRONG_REPLY}
    store.ledger.wrong.clear()


def test_a_commit_record_without_its_row_is_found(store: Store) -> None:
    store.run(f"DELETE FROM message WHERE content_id = {ONE}")
    _, found = check_commits(store.connection, store.shards)
    assert {finding.flaw for finding in found} == {Flaw.UNCOMMITTED}
