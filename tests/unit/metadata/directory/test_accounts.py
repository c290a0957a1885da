"""mda.metadata.directory.accounts and purge, on a real PostgreSQL."""

import pytest
from sqlalchemy import Engine, func, select, text

from mda import address as addresses
from mda.errors import Conflict, NotFound
from mda.metadata.directory import accounts, aliases, domains, shards
from mda.metadata.directory.accounts import NewAccount
from mda.metadata.directory.purge import purge
from mda.metadata.mailbox import mailboxes
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.columns import PER_ACCOUNT
from mda.metadata.schema.tables import METADATA
from mda.metadata.schema.words import AccountState, Role
from tests.unit.metadata.rows import IDS, make_account, put

A = addresses.parse


def test_account_begins_with_an_empty_inbox(engine: Engine) -> None:
    made = make_account(engine)
    assert (made.address, made.state, made.shard) == ("anne@example.org", AccountState.ACTIVE, "first")
    assert (made.used_bytes, made.used_messages, made.quota_bytes, made.has_password) == (0, 0, None, False)
    (inbox,) = mailboxes.list_all(engine, made.id)
    assert (inbox.path, inbox.role, inbox.uid_next, inbox.messages) == ("INBOX", Role.INBOX, 1, 0)
    assert accounts.list_all(engine) == (made,)


def test_address_is_matched_by_its_key(engine: Engine) -> None:
    domains.add(engine, "bücher.example")
    made = make_account(engine, "Anne.B@xn--bcher-kva.example")
    assert made.address == "anne.b@xn--bcher-kva.example"
    assert accounts.find(engine, A("ANNE.B@Bücher.Example")).id == made.id


def test_account_of_an_alias_domain_is_found_but_not_added(engine: Engine) -> None:
    made = make_account(engine)
    domains.add_alias(engine, "example.com", "example.org")
    assert accounts.find(engine, A("anne@example.com")).id == made.id
    with pytest.raises(Conflict, match=r"example\.com is an alias of example\.org; add bob@example\.org"):
        accounts.add(engine, IDS, NewAccount(A("bob@example.com")))


def test_address_has_one_account(engine: Engine) -> None:
    make_account(engine)
    with pytest.raises(Conflict, match=r"account anne@example\.org exists"):
        make_account(engine, "ANNE@example.org")
    aliases.add(engine, A("sales@example.org"), [A("anne@example.org")])
    with pytest.raises(Conflict, match=r"sales@example\.org is an alias of anne@example\.org"):
        make_account(engine, "sales@example.org")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("anna@example.org", r"no account anna@example\.org; did you mean anne@example\.org\?"),
        ("zzz@example.org", r"no account zzz@example\.org; add it: mda account add zzz@example\.org"),
        ("anne@exmple.org", r"no domain exmple\.org; did you mean example\.org\?"),
        ("anne@other.test", r"no domain other\.test; add it: mda domain add other\.test"),
        ("sales@example.org", r"no account sales@example\.org; sales@example\.org is an alias of anne@example\.org"),
    ],
)
def test_unknown_account_is_told_the_nearest(engine: Engine, wanted: str, message: str) -> None:
    make_account(engine)
    aliases.add(engine, A("sales@example.org"), [A("anne@example.org")])
    with pytest.raises(NotFound, match=message):
        accounts.find(engine, A(wanted))


def test_account_needs_a_domain_and_a_shard(engine: Engine) -> None:
    with pytest.raises(NotFound, match="no domain"):
        accounts.add(engine, IDS, NewAccount(A("anne@example.org")))
    domains.add(engine, "example.org")
    with pytest.raises(Conflict, match="no active shard takes new accounts; make one: mda init"):
        accounts.add(engine, IDS, NewAccount(A("anne@example.org")))
    shards.add(engine, IDS, "first", "file:///a")
    with pytest.raises(NotFound, match="no shard frist; did you mean first"):
        accounts.add(engine, IDS, NewAccount(A("anne@example.org"), shard="frist"))
    assert accounts.list_all(engine) == ()


def test_shards_are_drawn_by_weight_and_state(engine: Engine) -> None:
    shards.add(engine, IDS, "closed", "file:///closed", weight=0)
    shards.add(engine, IDS, "readonly", "file:///readonly")
    shards.add(engine, IDS, "open", "file:///open")
    with transaction(engine) as connection:
        connection.execute(text("UPDATE shard SET state = 'readonly' WHERE name = 'readonly'"))
    drawn = {make_account(engine, f"user{number}@example.org").shard for number in range(20)}
    assert drawn == {"open"}
    with pytest.raises(Conflict, match="shard readonly is readonly"):
        accounts.add(engine, IDS, NewAccount(A("x@example.org"), shard="readonly"))
    accounts.add(engine, IDS, NewAccount(A("x@example.org"), shard="closed"))


def test_list_is_ordered_and_narrowed(engine: Engine) -> None:
    for name in ("b@y.test", "a@y.test", "c@x.test"):
        make_account(engine, name)
    accounts.set_state(engine, A("a@y.test"), AccountState.DISABLED)
    assert [found.address for found in accounts.list_all(engine)] == ["c@x.test", "a@y.test", "b@y.test"]
    assert [found.address for found in accounts.list_all(engine, "y.test")] == ["a@y.test", "b@y.test"]
    assert [found.address for found in accounts.list_all(engine, None, AccountState.DISABLED)] == ["a@y.test"]
    with pytest.raises(NotFound, match="no domain z"):
        accounts.list_all(engine, "z.test")


def test_rename_keeps_the_account_and_frees_or_keeps_the_old_address(engine: Engine) -> None:
    made = make_account(engine)
    renamed = accounts.rename(engine, A("anne@example.org"), A("Anna@example.org"))
    assert (renamed.id, renamed.address) == (made.id, "anna@example.org")
    with pytest.raises(NotFound):
        accounts.find(engine, A("anne@example.org"))
    accounts.rename(engine, A("anna@example.org"), A("ann@example.org"), keeps_old=True)
    assert [found.address for found in aliases.list_all(engine)] == ["anna@example.org"]
    accounts.rename(engine, A("ann@example.org"), A("anna@example.org"))
    assert aliases.list_all(engine) == (), "its own alias became its address"


def test_rename_refuses_taken_addresses_and_unknown_domains(engine: Engine) -> None:
    make_account(engine)
    make_account(engine, "bob@example.org")
    aliases.add(engine, A("sales@example.org"), [A("bob@example.org")])
    for new in ("bob@example.org", "sales@example.org"):
        with pytest.raises(Conflict, match=new.replace(".", r"\.")):
            accounts.rename(engine, A("anne@example.org"), A(new))
    with pytest.raises(NotFound, match="no domain"):
        accounts.rename(engine, A("anne@example.org"), A("anne@elsewhere.test"))
    assert accounts.rename(engine, A("anne@example.org"), A("anne@example.org"), keeps_old=True).address


def test_quota_changes_only_what_is_given(engine: Engine) -> None:
    make_account(engine)
    anne = A("anne@example.org")
    accounts.set_quota(engine, anne, quota_bytes=5_000, quota_messages=10)
    changed = accounts.set_quota(engine, anne, quota_bytes=None)
    assert (changed.quota_bytes, changed.quota_messages) == (None, 10)


def test_password_is_kept_and_told_only_as_present(engine: Engine) -> None:
    make_account(engine)
    accounts.set_password(engine, A("anne@example.org"), "$argon2id$...")
    found = accounts.find(engine, A("anne@example.org"))
    assert found.has_password
    assert "argon2" not in repr(found)


def test_deleted_account_keeps_everything_until_purged(engine: Engine) -> None:
    made = make_account(engine)
    make_account(engine, "bob@example.org")
    put(engine, made.id, delivered_size=300)
    aliases.add(engine, A("sales@example.org"), [A("anne@example.org"), A("bob@example.org")])
    with pytest.raises(Conflict, match="is active; delete it first"):
        purge(engine, A("anne@example.org"))
    accounts.set_state(engine, A("anne@example.org"), AccountState.DELETED)
    assert accounts.find(engine, A("anne@example.org")).used_messages == 1
    with pytest.raises(Conflict, match="deleted but not purged"):
        make_account(engine)
    gone = purge(engine, A("anne@example.org"))
    assert (gone.address, gone.messages, gone.bytes) == ("anne@example.org", 1, 300)
    assert aliases.list_all(engine)[0].targets == ("bob@example.org",)


def test_purge_leaves_no_row_in_any_table(engine: Engine) -> None:
    made, other = make_account(engine), make_account(engine, "bob@example.org")
    mailboxes.create(engine, IDS, made.id, "A/B/C", None)
    for account_id in (made.id, other.id):
        put(engine, account_id)
    mailboxes.rename(engine, IDS, made.id, "INBOX", "Old")
    accounts.set_state(engine, A("anne@example.org"), AccountState.DELETED)
    purge(engine, A("anne@example.org"))
    tables = [table for table in METADATA.sorted_tables if table.info.get(PER_ACCOUNT)]
    assert len(tables) >= 10
    with transaction(engine) as connection:
        for table in tables:
            rows = select(func.count()).select_from(table).where(table.c.account_id == made.id)
            assert connection.scalar(rows) == 0, table.name
    assert accounts.find(engine, A("bob@example.org")).used_messages == 1


def test_address_that_is_purged_and_added_again_has_greater_uid_validities(engine: Engine) -> None:
    first = make_account(engine)
    before = mailboxes.list_all(engine, first.id)[0].uid_validity
    accounts.set_state(engine, A("anne@example.org"), AccountState.DELETED)
    purge(engine, A("anne@example.org"))
    with transaction(engine) as connection:
        connection.execute(text("SELECT pg_sleep(1.1)"))
    again = make_account(engine)
    assert before < mailboxes.list_all(engine, again.id)[0].uid_validity < 2**32
