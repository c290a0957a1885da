"""Who is full, and counting again: exact on a real store, and mended after somebody has put his hand in."""

import pytest
from sqlalchemy import Engine, text

from mda import settings
from mda.cli.quota_list import COLUMNS
from mda.metadata.directory.listings import usage
from mda.metadata.postgresql.reading import reading
from tests.unit.cli.conftest import System

RAW = b"Subject: x\r\n\r\n" + b"Hello Anne\r\n" * 50


@pytest.fixture
def full(anne: System) -> System:
    """anne with three messages, of them one read and one moved; ben with a limit and nothing in it."""
    anne.done("account", "add", "ben@example.org", "--quota", "1GB")
    for _ in range(3):
        anne.deliver("anne@example.org", RAW)
    return anne


def shown(system: System, *arguments: str) -> dict[str, float | None]:
    return {one["address"]: one["percent"] for one in system.listed("quota", "list", *arguments)}


def test_the_fullest_come_first_and_only_those_over(full: System) -> None:
    used = full.listed("account", "list")[0]["used_bytes"]
    full.done("account", "quota", "anne@example.org", str(used * 2))
    assert shown(full) == {"anne@example.org": 50.0, "ben@example.org": 0.0}
    assert list(shown(full)) == ["anne@example.org", "ben@example.org"]
    assert list(shown(full, "--over", "50")) == ["anne@example.org"]
    assert shown(full, "--over", "50.1") == {}


def test_the_nearer_limit_counts_and_none_is_none(full: System) -> None:
    full.done("account", "quota", "anne@example.org", "1GB", "--messages", "4")
    assert shown(full)["anne@example.org"] == 75.0
    full.done("account", "quota", "anne@example.org", "none", "--messages", "none")
    assert shown(full) == {"ben@example.org": 0.0, "anne@example.org": None}
    full.done("account", "quota", "ben@example.org", "0")
    assert shown(full, "--over", "100") == {"ben@example.org": 100.0}


def test_percent_is_rounded_down_for_people(full: System) -> None:
    full.done("account", "quota", "anne@example.org", "none", "--messages", "110")  # 3 of 110: 2.7 %
    assert shown(full)["anne@example.org"] == 2.7
    with reading(settings.load(full.file)) as reader:
        (found,) = usage(reader, over_percent=1)
    form = next(column.form for column in COLUMNS if column.key == "percent")
    assert form is not None
    assert form(found) == "2 %"
    assert "percent = 2 %" in full.done("quota", "show", "anne@example.org")


def test_sums_of_domains(full: System) -> None:
    full.done("domain", "add", "example.net")
    full.done("account", "add", "eve@example.net", "--quota", "2GB")
    found = {one["domain"]: one for one in full.listed("quota", "list", "--by-domain")}
    assert found["example.org"]["accounts"] == 2
    assert found["example.org"]["used_messages"] == 3
    assert found["example.org"]["promised_bytes"] is None  # anne has no limit
    assert found["example.net"]["promised_bytes"] == 2 * 10**9


def test_domains_beside_their_own_quotas(full: System) -> None:
    full.done("domain", "add", "example.net")
    full.done("account", "add", "eve@example.net")
    full.done("quota", "set", "--domain", "example.org", "--messages", "4", "--size", "1GB")
    full.done("quota", "set", "--domain", "example.net", "--size", "1GB")
    found = full.listed("quota", "list", "--by-domain")
    assert [(one["domain"], one["percent"]) for one in found] == [("example.org", 75.0), ("example.net", 0.0)]
    assert [one["domain"] for one in full.listed("quota", "list", "--by-domain", "--over", "75")] == ["example.org"]
    assert [one["domain"] for one in full.listed("quota", "list", "--by-domain", "--domain", "example.net")] == [
        "example.net"
    ]


def test_an_accounts_quota_is_set_and_shown(full: System) -> None:
    used = full.listed("account", "list")[0]["used_bytes"]
    said = full.done("quota", "set", "anne@example.org", "ben@example.org", "--size", "1MB", "--warn", "80%")
    assert said.splitlines()[1] == (
        "ben@example.org: 0 B used of 1.0 MB, 0 messages of none; warning at 80 %, grace 10 % (default)"
    )
    full.done("quota", "set", "anne@example.org", "--messages", "100", "--grace", "none")
    assert full.listed("quota", "show", "anne@example.org") == {
        "name": "anne@example.org",
        "quota_bytes": 1_000_000,
        "quota_messages": 100,
        "warn_percent": 80,
        "grace_percent": 0,
        "used_bytes": used,
        "used_messages": 3,
        "percent": 3,
        "warned_at": None,
    }
    full.done("quota", "set", "anne@example.org", "--size", "none", "--messages", "none", "--warn", "default")
    shown = full.done("quota", "show", "anne@example.org").splitlines()
    assert "quota_bytes = none" in shown
    assert "warn_percent = 90 % (default)" in shown
    assert "grace_percent = 0 %" in shown
    assert "percent = none" in shown
    assert "warned_at = never" in shown


def test_a_domains_quota_is_set_and_shown(full: System, engine: Engine) -> None:
    shown = full.listed("quota", "show", "--domain", "example.org")
    assert (shown["quota_bytes"], shown["used_messages"], shown["percent"]) == (None, 3, None)
    full.done("quota", "set", "--domain", "example.org", "--size", "500GB", "--messages", "6", "--warn", "none")
    shown = full.listed("quota", "show", "--domain", "example.org")
    assert (shown["quota_bytes"], shown["warn_percent"], shown["percent"]) == (500 * 10**9, 0, 50)
    options = ("--size", "none", "--messages", "none", "--warn", "default")
    full.done("quota", "set", "--domain", "example.org", *options)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM domain_quota")).scalar_one() == 0
    full.done("domain", "alias", "example.com", "example.org")
    assert "name example.org" in full.refused("quota", "set", "--domain", "example.com", "--size", "1GB")
    assert "did you mean example.org" in full.refused("quota", "set", "--domain", "exampl.org", "--size", "1GB")


@pytest.mark.parametrize(
    "words",
    [
        ("set", "--size", "1GB"),
        ("set", "anne@example.org"),
        ("set", "anne@example.org", "--domain", "example.org", "--size", "1GB"),
        ("set", "anne@example.org", "--warn", "101"),
        ("set", "anne@example.org", "--grace", "-1"),
        ("show",),
        ("show", "anne@example.org", "--domain", "example.org"),
    ],
)
def test_what_is_no_quota_is_wrong_usage(anne: System, words: tuple[str, ...]) -> None:
    assert anne.run("quota", *words).exit_code == 2


def test_what_is_counted_is_exact(full: System) -> None:
    full.done("mailbox", "create", "anne@example.org", "Old")
    full.done("message", "move", "anne@example.org", "INBOX:1", "Old")
    full.done("message", "expunge", "anne@example.org", "INBOX:2")
    assert full.listed("quota", "recount", "--dry-run") == []
    assert "2 accounts counted, 0 were mended" in full.run("quota", "recount").stderr


def test_what_somebody_has_changed_is_mended(full: System, engine: Engine) -> None:
    before = full.listed("account", "list")[0]
    with engine.begin() as connection:
        connection.execute(text("UPDATE account_state SET bytes = bytes + 7, message_count = 99"))
        connection.execute(text("UPDATE mailbox SET unseen_count = 50, bytes = 1 WHERE message_count > 0"))
    rehearsed = full.listed("quota", "recount", "--dry-run")
    assert {one["address"] for one in rehearsed} == {"anne@example.org", "ben@example.org"}
    assert full.listed("account", "list")[0]["used_messages"] == 99
    named = full.listed("quota", "recount", "anne@example.org")
    assert named == [one for one in rehearsed if one["address"] == "anne@example.org"]
    assert named[0]["mailboxes"] == 1
    assert full.listed("account", "list")[0] == before
    full.done("quota", "recount")
    assert full.listed("quota", "recount") == []


def test_unknown_account(anne: System) -> None:
    assert "no account zoe@example.org" in anne.refused("quota", "recount", "zoe@example.org")


def test_promises_beyond_what_a_number_holds_are_listed(anne: System) -> None:
    anne.done("account", "add", "bob@example.org")
    for name in ("anne", "bob"):
        anne.done("quota", "set", f"{name}@example.org", "--size", str(2**63 - 1))
    (found,) = anne.listed("quota", "list", "--by-domain")
    assert found["promised_bytes"] == 2**63 - 1
