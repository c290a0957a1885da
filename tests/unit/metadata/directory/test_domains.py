"""mda.metadata.directory.domains and shards, on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from mda import address as addresses
from mda.errors import Conflict, DatabaseUnavailable, InvalidValue, NotFound
from mda.metadata.directory import accounts, aliases, domains, shards
from mda.metadata.directory.purge import purge
from mda.metadata.postgresql.engine import make_engine, transaction
from mda.metadata.schema.words import AccountState
from tests.unit.metadata.rows import IDS, make_account, wait_for_lock

A = addresses.parse


def names(engine: Engine) -> list[tuple[str, str | None]]:
    return [(found.name, found.alias_of) for found in domains.list_all(engine)]


def test_domain_is_kept_in_one_form(engine: Engine) -> None:
    assert domains.add(engine, "Bücher.Example.") == "xn--bcher-kva.example"
    with pytest.raises(Conflict, match="exists"):
        domains.add(engine, "bücher.example")
    with pytest.raises(InvalidValue):
        domains.add(engine, "exa mple")
    assert names(engine) == [("xn--bcher-kva.example", None)]


def test_list_counts_accounts_and_aliases_apart(engine: Engine) -> None:
    make_account(engine)
    make_account(engine, "bob@example.org")
    aliases.add(engine, A("sales@example.org"), [A("anne@example.org"), A("bob@example.org")])
    aliases.add(engine, aliases.parse("@example.org"), [A("bob@example.org")])
    domains.add(engine, "empty.test")
    counted = {found.name: (found.accounts, found.aliases) for found in domains.list_all(engine)}
    assert counted == {"example.org": (2, 2), "empty.test": (0, 0)}


def test_alias_domain_is_new_or_unused(engine: Engine) -> None:
    make_account(engine)
    assert domains.add_alias(engine, "example.com", "example.org") == "example.com"
    domains.add(engine, "unused.test")
    domains.add_alias(engine, "unused.test", "example.org")
    assert names(engine) == [("example.com", "example.org"), ("example.org", None), ("unused.test", "example.org")]
    with pytest.raises(Conflict, match=r"exists as an alias of example\.org"):
        domains.add(engine, "example.com")


def test_alias_domains_do_not_chain_or_hide_addresses(engine: Engine) -> None:
    make_account(engine)
    make_account(engine, "bob@other.test")
    domains.add_alias(engine, "example.com", "example.org")
    for name, target, reason in (
        ("x.test", "example.com", "is an alias itself"),
        ("example.org", "other.test", "has 1 addresses"),
        ("example.org", "example.org", "itself"),
    ):
        with pytest.raises(Conflict, match=reason):
            domains.add_alias(engine, name, target)
    domains.add(engine, "empty.test")
    domains.add_alias(engine, "e.test", "empty.test")
    with pytest.raises(Conflict, match=r"domain e\.test is an alias of empty\.test"):
        domains.add_alias(engine, "empty.test", "example.org")
    with pytest.raises(NotFound, match=r"no domain exmple\.org; did you mean example\.org"):
        domains.add_alias(engine, "y.test", "exmple.org")


def test_domain_with_accounts_or_alias_domains_stays(engine: Engine) -> None:
    make_account(engine)
    with pytest.raises(Conflict, match="has 1 accounts"):
        domains.remove(engine, "example.org")
    accounts.set_state(engine, A("anne@example.org"), AccountState.DELETED)
    with pytest.raises(Conflict, match="purge deleted accounts too"):
        domains.remove(engine, "example.org")
    purge(engine, A("anne@example.org"))
    domains.add_alias(engine, "example.com", "example.org")
    with pytest.raises(Conflict, match=r"mda domain remove example\.com"):
        domains.remove(engine, "example.org")
    assert domains.remove(engine, "EXAMPLE.com").name == "example.com"
    assert domains.remove(engine, "example.org").name == "example.org"
    assert names(engine) == []
    with pytest.raises(NotFound):
        domains.remove(engine, "example.org")


def test_removed_domain_takes_its_aliases_along(engine: Engine) -> None:
    make_account(engine)
    domains.add(engine, "other.test")
    aliases.add(engine, A("sales@other.test"), [A("anne@example.org")])
    domains.remove(engine, "other.test")
    assert aliases.list_all(engine) == ()


def test_shards_have_names_and_urls_of_their_own(engine: Engine) -> None:
    made = shards.add(engine, IDS, "first", "file:///a", weight=3)
    assert shards.list_all(engine) == (made,)
    for name, url in (("first", "file:///b"), ("second", "file:///a")):
        with pytest.raises(Conflict, match="exists"):
            shards.add(engine, IDS, name, url)


def test_operations_say_when_there_is_no_database_or_schema(engine: Engine, postgresql_url: str) -> None:
    empty = make_engine(postgresql_url)
    with pytest.raises(DatabaseUnavailable, match="mda init"):
        domains.list_all(empty)
    empty.dispose()
    absent = make_engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable):
        domains.add(absent, "example.org")
    absent.dispose()


def test_same_domain_added_twice_at_once_is_a_conflict(engine: Engine) -> None:
    """The second INSERT of a name waits for the transaction that holds it, then fails on the key."""
    with ThreadPoolExecutor(1) as pool, transaction(engine) as connection:
        connection.execute(text("INSERT INTO domain (name) VALUES ('example.org')"))
        second = pool.submit(domains.add, engine, "example.org")
        wait_for_lock(connection, second)
        connection.commit()
        with pytest.raises(Conflict, match="somebody else changed the same thing"):
            second.result()
