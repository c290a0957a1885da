"""mda.metadata.directory.aliases, on a real PostgreSQL."""

import pytest
from sqlalchemy import Engine

from mda import address as addresses
from mda.errors import Conflict, InvalidValue, NotFound
from mda.metadata.directory import aliases, domains
from mda.metadata.directory.listings import Alias
from tests.unit.metadata.rows import make_account

A = addresses.parse
ANNE, BOB = A("anne@example.org"), A("bob@example.org")


@pytest.fixture(autouse=True)
def two_accounts(engine: Engine) -> None:
    make_account(engine, str(ANNE))
    make_account(engine, str(BOB))


def test_alias_leads_to_several_accounts(engine: Engine) -> None:
    made = aliases.add(engine, A("Sales@Example.org"), [BOB, ANNE, BOB])
    assert made == Alias("sales@example.org", ("anne@example.org", "bob@example.org"), is_catch_all=False)
    assert aliases.list_all(engine) == (made,)
    assert aliases.list_all(engine, "example.org") == (made,)


def test_targets_are_added_to_what_is_there(engine: Engine) -> None:
    aliases.add(engine, A("sales@example.org"), [BOB])
    assert aliases.add(engine, A("sales@example.org"), [ANNE, BOB]).targets == ("anne@example.org", "bob@example.org")


def test_catch_all_is_written_with_an_empty_local_part(engine: Engine) -> None:
    made = aliases.add(engine, aliases.parse("@Example.ORG"), [ANNE])
    assert made == Alias("@example.org", ("anne@example.org",), is_catch_all=True)
    assert aliases.remove(engine, aliases.parse("@example.org")) is None
    with pytest.raises(NotFound, match=r"no alias @example\.org"):
        aliases.remove(engine, aliases.parse("@example.org"))


@pytest.mark.parametrize("text", ["@", "@exa mple", "sales", '""@example.org'])
def test_what_is_no_alias_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        aliases.parse(text)


def test_alias_of_another_domain_may_lead_here(engine: Engine) -> None:
    domains.add(engine, "other.test")
    assert aliases.add(engine, A("anne@other.test"), [ANNE]).targets == ("anne@example.org",)
    assert aliases.list_all(engine, "example.org") == ()


def test_alias_needs_its_domain_and_its_targets(engine: Engine) -> None:
    with pytest.raises(NotFound, match=r"no domain elsewhere\.test"):
        aliases.add(engine, A("sales@elsewhere.test"), [ANNE])
    with pytest.raises(NotFound, match=r"no account ann@example\.org; did you mean anne@example\.org"):
        aliases.add(engine, A("sales@example.org"), [BOB, A("ann@example.org")])
    assert aliases.list_all(engine) == (), "none of the targets was added"
    domains.add_alias(engine, "example.com", "example.org")
    with pytest.raises(Conflict, match=r"mda alias add sales@example\.org"):
        aliases.add(engine, A("sales@example.com"), [ANNE])


def test_account_is_no_alias(engine: Engine) -> None:
    with pytest.raises(Conflict, match=r"anne@example\.org is an account"):
        aliases.add(engine, ANNE, [BOB])
    with pytest.raises(NotFound, match=r"no alias anne@example\.org"):
        aliases.remove(engine, ANNE)


def test_targets_are_taken_away_one_by_one(engine: Engine) -> None:
    aliases.add(engine, A("sales@example.org"), [ANNE, BOB])
    left = aliases.remove(engine, A("sales@example.org"), [ANNE])
    assert left is not None
    assert left.targets == ("bob@example.org",)
    with pytest.raises(NotFound, match=r"does not lead to anne@example\.org; it leads to bob@example\.org"):
        aliases.remove(engine, A("sales@example.org"), [ANNE])
    assert aliases.remove(engine, A("sales@example.org"), [BOB]) is None
    assert aliases.list_all(engine) == ()


def test_unknown_alias_is_told_the_nearest(engine: Engine) -> None:
    aliases.add(engine, A("sales@example.org"), [ANNE])
    with pytest.raises(NotFound, match=r"no alias sale@example\.org; did you mean sales@example\.org"):
        aliases.remove(engine, A("sale@example.org"))
