"""Word of changes: every change of what a look-up rests on is told, and nothing that deliveries do."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text

from mda import address
from mda.errors import DatabaseUnavailable
from mda.identifiers import IdentifierSource
from mda.metadata.checkpoint import load
from mda.metadata.directory import accounts, aliases, domain_quotas, domains, shards, spam_settings
from mda.metadata.directory.accounts import NewAccount
from mda.metadata.directory.changes import APPLICATION, CHANNEL, WATCHED, WEIGHTS_CHANNEL, Changes, Word
from mda.metadata.directory.policies import Scope
from mda.metadata.learning.notebook import Notebook, Weighed
from mda.metadata.schema.words import AccountState

ANNA = address.parse("anna@example.org")
BEN = address.parse("ben@example.org")
SOON_SECONDS = 10
"""Far longer than word of a change takes."""


@contextmanager
def listening(url: str) -> Iterator[Changes]:
    changes = Changes(url)
    try:
        assert changes.listen()
        yield changes
    finally:
        changes.end()


@pytest.fixture
def directory(engine: Engine) -> Engine:
    identifiers = IdentifierSource()
    shards.add(engine, identifiers, "s1", "file:///s1")
    shards.add(engine, identifiers, "s2", "file:///s2")
    domains.add(engine, "example.org")
    accounts.add(engine, identifiers, NewAccount(ANNA))
    return engine


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def shard_id(engine: Engine, name: str) -> int:
    return next(one.id for one in shards.list_all(engine) if one.name == name)


def anna_id(engine: Engine) -> int:
    return accounts.find(engine, ANNA).id


CHANGES: dict[str, Callable[[Engine], object]] = {
    "a domain": lambda engine: domains.add(engine, "example.net"),
    "an account": lambda engine: accounts.add(engine, IdentifierSource(), NewAccount(BEN)),
    "another address": lambda engine: accounts.rename(engine, ANNA, BEN),
    "a state": lambda engine: accounts.set_state(engine, ANNA, AccountState.DISABLED),
    "a quota": lambda engine: accounts.set_quota(engine, ANNA, quota_bytes=1),
    "an alias": lambda engine: aliases.add(engine, BEN, [ANNA]),
    "a shard": lambda engine: accounts.set_shard(engine, anna_id(engine), shard_id(engine, "s2")),
    "a domain's quota": lambda engine: domain_quotas.change(engine, "example.org", {"quota_bytes": 1}),
    "by hand": lambda engine: run(engine, "UPDATE address SET local_part = 'anne'"),
    "everything": lambda engine: run(engine, "TRUNCATE policy"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_told_once(directory: Engine, database_url: str, change: Callable[[Engine], object]) -> None:
    with listening(database_url) as changes:
        assert not changes.wait(0)
        change(directory)
        assert changes.wait(SOON_SECONDS)
        while changes.wait(0.05):  # a change may be several transactions
            pass
        assert not changes.beat()


def test_what_deliveries_and_counts_change_is_not_told(directory: Engine, database_url: str) -> None:
    domain_quotas.change(directory, "example.org", {"quota_bytes": 1})
    with listening(database_url) as changes:
        run(directory, "UPDATE account_state SET modseq = modseq + 1, bytes = 7")
        run(directory, "UPDATE domain_quota SET used_bytes = 7, counted_at = now()")
        assert not changes.beat()
        assert not changes.wait(0.1)


def test_other_weights_name_their_account(directory: Engine, database_url: str) -> None:
    weighed = Weighed(b"w", 1, ham=1, spam=1)
    with listening(database_url) as changes:
        with directory.begin() as connection:
            Notebook(connection, IdentifierSource(), anna_id(directory)).write_weights(weighed)
        assert changes.wait(SOON_SECONDS) == Word(False, frozenset({anna_id(directory)}))
        run(directory, f"NOTIFY {WEIGHTS_CHANNEL}, '7'")
        run(directory, f"NOTIFY {WEIGHTS_CHANNEL}")
        heard = [changes.wait(SOON_SECONDS)]
        while not heard[-1].is_of_directory and len(heard) < 3:
            heard.append(changes.wait(SOON_SECONDS))
        assert heard[-1].is_of_directory


def test_all_that_a_lookup_reads_is_watched(directory: Engine) -> None:
    query = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'mda_directory_changed'"
    with directory.connect() as connection:
        assert set(connection.scalars(text(query))) == set(WATCHED)


def test_a_beat_brings_what_is_waiting(directory: Engine, database_url: str) -> None:
    with listening(database_url) as changes:
        run(directory, f"NOTIFY {CHANNEL}")
        deadline = time.monotonic() + SOON_SECONDS
        while not changes.beat():
            assert time.monotonic() < deadline


@pytest.mark.parametrize(
    "damage",
    ["DROP TRIGGER mda_directory_changed ON policy", "ALTER TABLE policy DISABLE TRIGGER mda_directory_changed"],
)
def test_missing_triggers_are_seen(directory: Engine, database_url: str, damage: str) -> None:
    run(directory, damage)
    changes = Changes(database_url)
    try:
        assert not changes.listen()
    finally:
        changes.end()


def test_triggers_that_are_disabled_later_are_seen(directory: Engine, database_url: str) -> None:
    with listening(database_url) as changes:
        run(directory, "ALTER TABLE policy DISABLE TRIGGER mda_directory_changed")
        with pytest.raises(DatabaseUnavailable, match="triggers"):
            changes.beat()


def test_a_rebuild_tells_when_it_is_done(directory: Engine, database_url: str) -> None:
    with listening(database_url) as changes:
        load.finish(directory)
        assert changes.wait(SOON_SECONDS).is_of_directory


def test_a_threshold_that_stays_is_not_told(directory: Engine, database_url: str) -> None:
    scope = Scope(account=ANNA)
    spam_settings.configure(directory, scope, share=0.01)
    spam_settings.follow(directory, scope, 0.01, 0.9)
    with listening(database_url) as changes:
        spam_settings.follow(directory, scope, 0.01, 0.9)
        spam_settings.follow(directory, scope, 0.02, 0.8)
        assert not changes.wait(0.1)
        spam_settings.follow(directory, scope, 0.01, 0.8)
        assert changes.wait(SOON_SECONDS)
    assert spam_settings.configure(directory, scope).threshold == 0.8


def test_waking_ends_a_wait(directory: Engine, database_url: str) -> None:
    with listening(database_url) as changes:
        threading.Timer(0.1, changes.wake).start()
        began = time.monotonic()
        assert not changes.wait(60)
        assert time.monotonic() - began < SOON_SECONDS
    changes.wake()  # after the end, too


@pytest.mark.parametrize("ask", [lambda changes: changes.wait(SOON_SECONDS), Changes.beat], ids=["wait", "beat"])
def test_a_lost_connection_is_told_and_made_again(
    directory: Engine, database_url: str, ask: Callable[[Changes], Word]
) -> None:
    with listening(database_url) as changes:
        end = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = '{APPLICATION}'"
        run(directory, f"{end} AND datname = current_database()")
        with pytest.raises(DatabaseUnavailable):
            _twice(changes, ask)
        assert changes.listen()
        run(directory, f"NOTIFY {CHANNEL}")
        assert changes.wait(SOON_SECONDS)


def _twice(changes: Changes, ask: Callable[[Changes], Word]) -> None:
    """The first may find no more than the server's last words."""
    ask(changes)
    ask(changes)


def test_nobody_hears_before_it_listens(database_url: str) -> None:
    changes = Changes(database_url)
    with pytest.raises(DatabaseUnavailable):
        changes.wait(0)
    changes.end()
