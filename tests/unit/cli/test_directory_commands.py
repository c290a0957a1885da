"""`mda domain`, `account` and `alias`."""

import re

import pytest

from mda.auth.passwords import Passwords
from tests.unit.cli.conftest import System


def test_domains_are_added_listed_aliased_and_removed(system: System) -> None:
    assert system.done("domain", "add", "example.org", "Bücher.example").splitlines() == [
        "added domain example.org",
        "added domain xn--bcher-kva.example",
    ]
    assert system.done("domain", "alias", "example.com", "example.org") == "example.com is an alias of example.org\n"
    listed = system.listed("domain", "list")
    assert [(one["name"], one["alias_of"], one["accounts"]) for one in listed] == [
        ("example.com", "example.org", 0),
        ("example.org", None, 0),
        ("xn--bcher-kva.example", None, 0),
    ]
    assert set(listed[0]) == {"name", "alias_of", "accounts", "aliases", "created_at"}
    assert system.done("domain", "remove", "example.com", "--yes") == "removed domain example.com\n"


def test_domain_is_removed_only_after_a_yes(anne: System) -> None:
    anne.done("domain", "add", "other.test")
    no = anne.run("domain", "remove", "other.test", answer="n\n")
    assert no.exit_code == 1
    assert "Mail for other.test will be deferred" in no.stderr
    assert "nothing was changed" in no.stderr
    anne.done("domain", "remove", "other.test", answer="y\n")
    assert [one["name"] for one in anne.listed("domain", "list")] == ["example.org"]


def test_account_is_added_with_its_limits(anne: System) -> None:
    anne.done("account", "add", "bob@example.org", "--quota", "500 MB", "--messages", "1000", "--shard", "first")
    listed = {one["address"]: one for one in anne.listed("account", "list")}
    assert (listed["bob@example.org"]["quota_bytes"], listed["bob@example.org"]["quota_messages"]) == (
        500_000_000,
        1000,
    )
    assert (listed["anne@example.org"]["quota_bytes"], listed["anne@example.org"]["used_bytes"]) == (None, 0)
    assert set(listed["bob@example.org"]) == {
        *("address", "state", "used_bytes", "quota_bytes", "used_messages", "quota_messages", "shard"),
        *("has_password", "created_at"),
    }


def test_accounts_are_narrowed_by_domain_and_state(anne: System) -> None:
    anne.done("domain", "add", "other.test")
    anne.done("account", "add", "bob@other.test")
    anne.done("account", "disable", "anne@example.org")
    assert [one["address"] for one in anne.listed("account", "list", "--state", "disabled")] == ["anne@example.org"]
    assert [one["address"] for one in anne.listed("account", "list", "--domain", "Other.test")] == ["bob@other.test"]
    assert "did you mean other.test?" in anne.refused("account", "list", "--domain", "othr.test")


def test_mistyped_account_is_told_the_nearest(anne: System) -> None:
    anne.refused("account", "disable", "anne@example.org", "anna@example.org")
    assert anne.listed("account", "list")[0]["state"] == "active", "none is changed where one is refused"
    assert anne.refused("account", "disable", "anna@example.org") == (
        "mda: no account anna@example.org; did you mean anne@example.org?"
    )


def test_account_changes_its_state(anne: System) -> None:
    assert anne.done("account", "disable", "anne@example.org") == "disabled anne@example.org (it was active)\n"
    assert anne.done("account", "disable", "anne@example.org") == "disabled anne@example.org\n"
    anne.done("account", "enable", "anne@example.org")
    assert anne.listed("account", "list")[0]["state"] == "active"


def test_account_is_renamed(anne: System) -> None:
    assert anne.done("account", "rename", "Anne@example.org", "anna@example.org", "--keep-alias") == (
        "anne@example.org is now anna@example.org; anne@example.org is its alias\n"
    )
    assert anne.listed("alias", "list") == [
        {"address": "anne@example.org", "targets": ["anna@example.org"], "is_catch_all": False}
    ]


def test_quota_is_shown_set_and_lifted(anne: System) -> None:
    assert "0 B used of no limit" in anne.done("account", "quota", "anne@example.org")
    shown = anne.done("account", "quota", "anne@example.org", "1.5GiB", "--messages", "10")
    assert "0 B used of 1.6 GB" in shown
    assert "0 messages of 10" in shown
    assert anne.listed("account", "list")[0]["quota_bytes"] == 1_610_612_736
    anne.done("account", "quota", "anne@example.org", "none")
    listed = anne.listed("account", "list")[0]
    assert (listed["quota_bytes"], listed["quota_messages"]) == (None, 10)


def test_password_comes_from_standard_input_and_is_never_shown(anne: System) -> None:
    output = anne.done("account", "passwd", "anne@example.org", "--password-stdin", answer="zażółć gęślą\n")
    assert output == "set the password of anne@example.org\n"
    anne.done("account", "add", "bob@example.org", "--password-stdin", answer="another one\r\n")
    listed = anne.run("account", "list", "--json")
    assert listed.stdout.count('"has_password": true') == 2
    assert "argon2" not in listed.output


def test_password_that_was_set_verifies(anne: System, database_url: str) -> None:
    anne.done("account", "passwd", "anne@example.org", "--password-stdin", answer="correct horse\n")
    from sqlalchemy import text

    from mda.metadata.postgresql.engine import make_engine, transaction

    engine = make_engine(database_url)
    with transaction(engine) as connection:
        stored = connection.scalar(text("SELECT password_hash FROM account"))
    engine.dispose()
    assert Passwords().verify(str(stored), "correct horse").fits
    assert not Passwords().verify(str(stored), "correct horse\n").fits


@pytest.mark.parametrize("answer", ["", "\n", "tab\there\n"])
def test_what_is_no_password_is_refused(anne: System, answer: str) -> None:
    assert "password" in anne.refused("account", "passwd", "anne@example.org", "--password-stdin", answer=answer)
    assert not anne.listed("account", "list")[0]["has_password"]


def test_without_a_terminal_no_password_is_asked_for(anne: System) -> None:
    assert "pipe it in with --password-stdin" in anne.refused("account", "passwd", "anne@example.org")


def test_deleted_account_comes_back_unless_purged(anne: System) -> None:
    anne.deliver("anne@example.org", b"Subject: kept\r\n\r\nbody\r\n")
    assert "nothing is freed yet" in anne.done("account", "delete", "anne@example.org")
    anne.done("account", "enable", "anne@example.org")
    assert anne.listed("message", "list", "anne@example.org")[0]["subject"] == "kept"
    no = anne.run("account", "delete", "anne@example.org", "--purge", answer="n\n")
    assert "anne@example.org with 1 messages" in no.stderr
    assert anne.listed("account", "list")[0]["state"] == "active", "asked and refused: nothing changed"
    purged = anne.run("account", "delete", "anne@example.org", "--purge", "--yes")
    assert re.search(r"purged account anne@example.org: 1 messages, \d+ B", purged.stdout)
    assert "erased 0; 1 still in 1 segments, for a later run" in purged.stdout, "sealed just now"
    assert anne.listed("account", "list") == []


def test_aliases_are_added_listed_and_removed(anne: System) -> None:
    anne.done("account", "add", "bob@example.org")
    assert anne.done("alias", "add", "sales@example.org", "bob@example.org", "anne@example.org") == (
        "sales@example.org leads to anne@example.org, bob@example.org\n"
    )
    anne.done("alias", "add", "@example.org", "anne@example.org")
    assert anne.done("alias", "list").splitlines() == [
        "@example.org\tanne@example.org",
        "sales@example.org\tanne@example.org,bob@example.org",
    ]
    assert anne.done("alias", "remove", "sales@example.org", "bob@example.org") == (
        "sales@example.org leads to anne@example.org\n"
    )
    assert anne.done("alias", "remove", "@example.org") == "removed alias @example.org\n"
    assert "did you mean sales@example.org?" in anne.refused("alias", "remove", "sale@example.org")


def test_mail_reaches_alias_and_catch_all(anne: System) -> None:
    anne.done("alias", "add", "sales@example.org", "anne@example.org")
    anne.done("alias", "add", "@example.org", "anne@example.org")
    for recipient in ("sales@example.org", "whoever@example.org"):
        anne.deliver(recipient, b"Subject: x\r\n\r\n.\r\n")
    assert len(anne.listed("message", "list", "anne@example.org")) == 2
