"""Many accounts and aliases at once, from CSV and from another PostgreSQL; a domain's defaults for new accounts."""

import json

import pytest

from mda.auth.passwords import Cost, Passwords
from mda.metadata.postgresql.engine import connect
from tests.unit.cli.conftest import System

HASH = Passwords(Cost(1, 8, 1)).hash("secret")


@pytest.fixture
def domain(system: System) -> System:
    system.done("domain", "add", "example.org")
    return system


def by_address(system: System) -> dict[str, dict[str, object]]:
    return {one["address"]: one for one in system.listed("account", "list")}


def test_defaults_of_a_domain_are_those_of_its_new_accounts(domain: System) -> None:
    domain.done("account", "add", "old@example.org")
    said = domain.done("domain", "defaults", "example.org", "--quota", "5GB", "--messages", "1000", "--shard", "first")
    assert said == "quota = 5.0 GB\nmessages = 1000\nshard = first\n"
    domain.done("account", "add", "new@example.org")
    domain.done("account", "add", "own@example.org", "--quota", "none", "--messages", "7")
    found = by_address(domain)
    assert [found[f"{name}@example.org"]["quota_bytes"] for name in ("old", "new", "own")] == [None, 5 * 10**9, None]
    assert [found[f"{name}@example.org"]["quota_messages"] for name in ("old", "new", "own")] == [None, 1000, 7]
    domain.done("domain", "defaults", "example.org", "--quota", "none")
    shown = json.loads(domain.done("domain", "defaults", "example.org", "--json"))
    assert shown == {"name": "example.org", "quota_bytes": None, "quota_messages": 1000, "shard": "first"}


def test_defaults_stay_beside_other_settings_of_the_domain(domain: System) -> None:
    domain.done("spam", "policy", "set", "--domain", "example.org", "--spam-to", "inbox")
    domain.done("domain", "defaults", "example.org", "--quota", "1GB")
    assert "inbox" in domain.done("spam", "policy", "set", "--domain", "example.org")


def test_defaults_are_refused_for_what_is_not_there(domain: System) -> None:
    assert "no shard second" in domain.refused("domain", "defaults", "example.org", "--shard", "second")
    assert "no domain example.net" in domain.refused("domain", "defaults", "example.net", "--quota", "1GB")
    domain.done("domain", "alias", "example.com", "example.org")
    assert "is an alias of example.org" in domain.refused("domain", "defaults", "example.com", "--quota", "1GB")


def test_accounts_from_csv(domain: System) -> None:
    domain.done("domain", "defaults", "example.org", "--messages", "50")
    domain.done("account", "add", "here@example.org", "--messages", "3")
    text = (
        "address,quota,password_hash\n"
        f'anne@example.org,5GB,"{HASH}"\n'
        "ben@example.org,,\n"
        "here@example.org,1GB,\n"
        "not an address,,\n"
        "eve@elsewhere.test,,\n"
        "bad@example.org,5XB,\n"
        "odd@example.org,,plain-password\n"
        "ben@example.org,,\n"
        "short@example.org\n"
    )
    rehearsed = domain.run("account", "import", "-", "--dry-run", answer=text)
    assert rehearsed.exit_code == 1
    assert list(by_address(domain)) == ["here@example.org"]
    done = domain.run("account", "import", "-", answer=text)
    assert done.exit_code == 1
    assert rehearsed.stdout.replace("would be added", "added") == done.stdout
    assert done.stdout == "account: 2 added, 2 there already, 5 refused\n"
    assert rehearsed.stderr == done.stderr
    assert "plain-password" not in done.output
    assert "row 4 (not an address)" in done.stderr
    assert "no domain elsewhere.test" in done.stderr
    found = by_address(domain)
    assert sorted(found) == ["anne@example.org", "ben@example.org", "here@example.org"]
    assert (found["anne@example.org"]["quota_bytes"], found["anne@example.org"]["has_password"]) == (5 * 10**9, True)
    assert (found["ben@example.org"]["quota_messages"], found["ben@example.org"]["has_password"]) == (50, False)
    assert found["here@example.org"]["quota_messages"] == 3
    again = domain.run("account", "import", "-", answer="address\nanne@example.org\nben@example.org\n")
    assert (again.exit_code, again.stdout) == (0, "account: 0 added, 2 there already, 0 refused\n")


def test_many_accounts_take_several_batches(domain: System) -> None:
    text = "address\n" + "".join(f"user{number}@example.org\n" for number in range(450)) + "user3@example.org\n"
    assert "450 would be added, 1 there already" in domain.done("account", "import", "-", "--dry-run", answer=text)
    assert by_address(domain) == {}
    assert "450 added, 1 there already" in domain.done("account", "import", "-", answer=text)
    assert len(by_address(domain)) == 450


def test_imported_account_takes_mail(domain: System) -> None:
    domain.done("account", "import", "-", answer="address\nanne@example.org\n")
    domain.deliver("anne@example.org", b"Subject: x\r\n\r\nHello\r\n")
    assert len(domain.listed("message", "list", "anne@example.org")) == 1


def test_row_without_an_end_is_named(domain: System) -> None:
    text = 'address\nanne@example.org\n"' + '","b\n' * 250_000
    assert "line 200002: a row of more than 1000000 characters" in domain.refused("account", "import", "-", answer=text)


def test_aliases_from_csv(domain: System) -> None:
    domain.done("account", "import", "-", answer="address\nanne@example.org\nben@example.org\n")
    text = (
        "address,targets\n"
        'sales@example.org,"anne@example.org, ben@example.org"\n'
        "@example.org,anne@example.org\n"
        "anne@example.org,ben@example.org\n"
        "info@example.org,nobody@example.org\n"
        "empty@example.org,\n"
        "sales@example.org,ben@example.org\n"
    )
    rehearsed = domain.run("alias", "import", "-", "--dry-run", "--json", answer=text)
    assert domain.listed("alias", "list") == []
    done = domain.run("alias", "import", "-", "--json", answer=text)
    counts = json.loads(done.stdout)
    assert {**json.loads(rehearsed.stdout), "is_dry_run": False} == counts
    assert (counts["added"], counts["present"], counts["refused"]) == (2, 1, 3)
    assert {one["address"]: one["targets"] for one in domain.listed("alias", "list")} == {
        "@example.org": ["anne@example.org"],
        "sales@example.org": ["anne@example.org", "ben@example.org"],
    }


def test_from_another_postgresql(domain: System, database_url: str) -> None:
    connection = connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE person (mail text, gigabytes int)")
        cursor.execute("INSERT INTO person VALUES ('anne@example.org', 5), ('ben@example.org', NULL)")
    connection.close()
    query = "SELECT mail AS address, gigabytes || 'GB' AS quota FROM person ORDER BY mail"
    arguments = ("account", "import", "--from", database_url, "--query")
    assert domain.done(*arguments, query) == "account: 2 added, 0 there already, 0 refused\n"
    assert [one["quota_bytes"] for one in by_address(domain).values()] == [5 * 10**9, None]
    assert "PostgreSQL refuses the query" in domain.refused(*arguments, "SELECT nonsense")
    assert domain.refused(*arguments, "DELETE FROM person RETURNING mail AS address") != ""
    assert "2 there already" in domain.done(*arguments, query)
    assert "two columns address" in domain.refused(*arguments, "SELECT 'a@example.org' AS address, '' AS address")
    assert "it is empty" in domain.refused(*arguments, "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("adress\nanne@example.org\n", "unknown column 'adress'; the columns are: address, password_hash"),
        ("quota\n5GB\n", "no column 'address'"),
        ("address,quota,address\na@example.org,,b@example.org\n", "-: two columns 'address'; name each once"),
        ("", "- is empty; its first line names the columns"),
    ],
)
def test_wrong_headings_are_refused(domain: System, text: str, error: str) -> None:
    assert error in domain.refused("account", "import", "-", answer=text)


def test_wrong_usage(domain: System) -> None:
    for arguments in ((), ("--from", "postgresql://x/y"), ("x.csv", "--query", "SELECT 1")):
        assert domain.run("account", "import", *arguments).exit_code == 2
    assert "No such file" in domain.refused("account", "import", "/nowhere/x.csv")


def test_latin1_is_refused_with_its_name(domain: System) -> None:
    file = domain.data_dir / "users.csv"
    file.write_bytes("address\nj\xf6rg@example.org\n".encode("latin-1"))
    assert f"{file}: not UTF-8" in domain.refused("account", "import", str(file))
