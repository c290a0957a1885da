"""Who an address belongs to, and when nobody may be proven."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import Engine, text

from mda import address as addresses
from mda.address import Address
from mda.causes import Cause
from mda.errors import DatabaseUnavailable
from mda.metadata.directory.resolve import Directory, PolicyRule, Resolved, Target
from mda.metadata.schema.words import PolicyAction, PolicySubject
from mda.settings import Database

ROWS = """
INSERT INTO shard (id, name, url) VALUES (1, 'first', 'file:///1'), (2, 'second', 'file:///2');
INSERT INTO domain (name, alias_of) VALUES ('example.org', NULL), ('catchall.example', NULL), ('empty.example', NULL),
    ('xn--bcher-kva.example', NULL), ('ghosts.example', NULL);
INSERT INTO domain (name, alias_of) VALUES ('alias.example', 'example.org');
INSERT INTO account (id, address, shard_id, quota_bytes, quota_messages, state, spam_threshold) VALUES
    (1, 'anne@example.org', 1, 1000, 10, 'active', 0.5), (2, 'bob@example.org', 2, NULL, NULL, 'disabled', NULL),
    (3, 'joker@catchall.example', 1, NULL, NULL, 'active', NULL),
    (4, 'ghost@ghosts.example', 1, NULL, NULL, 'deleted', NULL),
    (5, 'żółw@xn--bcher-kva.example', 1, NULL, NULL, 'active', NULL),
    (6, 'stateless@example.org', 1, NULL, NULL, 'active', NULL);
INSERT INTO account_state (account_id, bytes, message_count) VALUES
    (1, 300, 3), (2, 0, 0), (3, 0, 0), (4, 0, 0), (5, 0, 0);
INSERT INTO address (domain, local_part, account_id, kind) VALUES
    ('example.org', 'anne', 1, 'account'), ('example.org', 'bob', 2, 'account'),
    ('example.org', 'team', 1, 'alias'), ('example.org', 'team', 2, 'alias'),
    ('example.org', 'anne+exact', 2, 'alias'), ('example.org', 'stateless', 6, 'account'),
    ('catchall.example', 'joker', 3, 'account'), ('catchall.example', '', 1, 'catchall'),
    ('xn--bcher-kva.example', 'żółw', 5, 'account'), ('ghosts.example', 'ghost', 4, 'account');
INSERT INTO mailbox (account_id, id, parent_id, name, role, uid_validity, deleted_at) VALUES
    (1, 10, NULL, 'INBOX', 'inbox', 1, NULL), (1, 11, NULL, 'Lists', NULL, 2, NULL),
    (1, 12, 11, 'Python', NULL, 3, NULL),
    (1, 13, NULL, 'old', NULL, 4, now()), (1, 14, 10, 'inner', NULL, 5, NULL), (2, 15, NULL, 'Lists', NULL, 1, NULL),
    (1, 16, NULL, 'a+b', NULL, 6, NULL), (1, 17, NULL, 'Łódź', NULL, 7, NULL)
"""

ANNE = Target(
    account_id=1,
    address="anne@example.org",
    shard_id=1,
    is_enabled=True,
    quota_bytes=1000,
    quota_messages=10,
    used_bytes=300,
    used_messages=3,
    detail="",
    detail_mailbox_id=None,
    spam_threshold=0.5,
)


@pytest.fixture
def directory(engine: Engine, database_url: str) -> Iterator[Directory]:
    with engine.begin() as connection:
        connection.execute(text(ROWS))
    with closing(Directory(database_url)) as directory:
        yield directory


def resolve(directory: Directory, *texts: str) -> tuple[Resolved | Cause, ...]:
    return directory.resolve([addresses.parse(text) for text in texts])


def accounts(answer: Resolved | Cause) -> list[int]:
    assert isinstance(answer, Resolved), answer
    return [target.account_id for target in answer.targets]


def test_what_a_delivery_must_know(directory: Directory) -> None:
    assert resolve(directory, "anne@example.org") == (Resolved((ANNE,)),)


def test_rules_say_when_they_end(engine: Engine, directory: Directory) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO policy (id, account_id, subject, pattern, action, expires_at) VALUES"
                " (1, 1, 'sender_domain', 'a.test', 'accept', NULL),"
                " (2, 1, 'sender', 'b c@d.test', 'junk', '2099-01-01Z'),"
                " (3, 1, 'sender_domain', 'past.test', 'junk', '2020-01-01Z'),"
                " (4, 1, 'sender_domain', 'ever.test', 'junk', 'infinity'),"
                " (5, 1, 'sender_domain', 'later.test', 'junk', '2100-01-01Z')"
            )
        )
    (answer,) = resolve(directory, "anne@example.org")
    assert isinstance(answer, Resolved)
    assert set(answer.targets[0].policies) == {
        PolicyRule(PolicySubject.SENDER_DOMAIN, PolicyAction.ACCEPT, "a.test"),
        PolicyRule(PolicySubject.SENDER, PolicyAction.JUNK, "b c@d.test"),
        PolicyRule(PolicySubject.SENDER_DOMAIN, PolicyAction.JUNK, "ever.test"),
        PolicyRule(PolicySubject.SENDER_DOMAIN, PolicyAction.JUNK, "later.test"),
    }
    assert answer.targets[0].policies_until == 4_070_908_800
    (other,) = resolve(directory, "joker@catchall.example")
    assert isinstance(other, Resolved)
    assert other.targets[0].policies_until == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ANNE@EXAMPLE.ORG", [1]),
        ('"anne"@example.org.', [1]),
        ("anne@alias.example", [1]),
        ("team@example.org", [1, 2]),
        ("Team+x@Alias.Example", [1, 2]),
        ("joker@catchall.example", [3]),
        ("nobody@catchall.example", [1]),
        ("nobody+x@catchall.example", [1]),
        ("joker+x@catchall.example", [3]),
        ("ŻÓŁW@Bücher.example", [5]),
        ("anne+exact@example.org", [2]),
    ],
)
def test_addresses_that_are_ours(directory: Directory, text: str, found: list[int]) -> None:
    assert accounts(resolve(directory, text)[0]) == found


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("nobody@example.org", Cause.UNKNOWN_RECIPIENT),
        ("nobody@alias.example", Cause.UNKNOWN_RECIPIENT),
        ("nobody+anne@example.org", Cause.UNKNOWN_RECIPIENT),
        ("+anne@example.org", Cause.UNKNOWN_RECIPIENT),
        ("anne-x@example.org", Cause.UNKNOWN_RECIPIENT),
        ('""@example.org', Cause.UNKNOWN_RECIPIENT),
        ("anne@elsewhere.example", Cause.DOMAIN_NOT_CONFIGURED),
        ("anne@empty.example", Cause.DOMAIN_NOT_CONFIGURED),
        ("ghost@ghosts.example", Cause.DOMAIN_NOT_CONFIGURED),
        ("anne@[127.0.0.1]", Cause.DOMAIN_NOT_CONFIGURED),
        ("stateless@example.org", Cause.INTERNAL_ERROR),
    ],
)
def test_addresses_that_are_not(directory: Directory, text: str, cause: Cause) -> None:
    """Permanent only in a domain of ours that has somebody: else a lost table would bounce mail."""
    assert resolve(directory, text) == (cause,)


def test_what_no_directory_can_hold_is_unknown_and_breaks_nothing(directory: Directory) -> None:
    odd = [Address("a\0b", "example.org"), Address("\ud800", "example.org"), Address("anne", "no domain")]
    assert directory.resolve([*odd, Address("anne", "example.org")]) == (
        Cause.UNKNOWN_RECIPIENT,
        Cause.UNKNOWN_RECIPIENT,
        Cause.DOMAIN_NOT_CONFIGURED,
        Resolved((ANNE,)),
    )


def test_a_disabled_account_is_found_as_such(directory: Directory) -> None:
    (answer,) = resolve(directory, "team@example.org")
    assert isinstance(answer, Resolved)
    assert [(target.account_id, target.is_enabled) for target in answer.targets] == [(1, True), (2, False)]


@pytest.mark.parametrize(
    ("local_part", "mailbox_id"),
    [
        ("anne+Lists", 11),
        ("anne+lists", None),
        ("anne+Lists/Python", 12),
        ("anne+Lists/Python/", None),
        ("anne+Python", None),
        ("anne+Lists/none", None),
        ("anne+old", None),
        ("anne+inbox", 10),
        ("anne+InBox/inner", 14),
        ("anne+a+b", 16),
        ("anne+\u0141o\u0301dz\u0301", 17),
        ("anne+", None),
        ("anne+" + "/".join(["x"] * 100), None),
    ],
)
def test_a_detail_names_a_mailbox_that_exists(directory: Directory, local_part: str, mailbox_id: int | None) -> None:
    (answer,) = directory.resolve([Address(local_part, "example.org")])
    assert isinstance(answer, Resolved)
    (target,) = answer.targets
    assert (target.detail, target.detail_mailbox_id) == (local_part.partition("+")[2], mailbox_id)


def test_a_detail_is_looked_for_in_each_account_of_an_alias(directory: Directory) -> None:
    (answer,) = resolve(directory, "team+Lists@example.org")
    assert isinstance(answer, Resolved)
    assert [target.detail_mailbox_id for target in answer.targets] == [11, 15]


@pytest.mark.usefixtures("directory")
def test_the_delimiter_is_settable(database_url: str) -> None:
    with closing(Directory(database_url, recipient_delimiter="-")) as directory:
        assert accounts(resolve(directory, "anne-x@example.org")[0]) == [1]
        assert resolve(directory, "anne+x@example.org") == (Cause.UNKNOWN_RECIPIENT,)
    with closing(Directory(database_url, recipient_delimiter="")) as directory:
        assert resolve(directory, "anne+x@example.org") == (Cause.UNKNOWN_RECIPIENT,)


def test_many_addresses_at_once(directory: Directory) -> None:
    texts = [f"nobody{number}@example.org" for number in range(500)]
    texts[7] = texts[499] = "anne@example.org"
    texts[8] = "anne+Lists@example.org"
    answers = resolve(directory, *texts)
    assert [place for place, answer in enumerate(answers) if isinstance(answer, Resolved)] == [7, 8, 499]
    assert answers.count(Cause.UNKNOWN_RECIPIENT) == 497
    assert directory.resolve([]) == ()


def test_each_answer_is_fresh(directory: Directory, engine: Engine) -> None:
    assert resolve(directory, "new@example.org") == (Cause.UNKNOWN_RECIPIENT,)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO address VALUES ('example.org', 'new', 1, 'alias')"))
    assert accounts(resolve(directory, "new@example.org")[0]) == [1]


def test_a_standby_proves_nothing(directory: Directory, engine: Engine) -> None:
    """The server is no standby, so its function is overlaid by one that says it were."""
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA overlay"))
        connection.execute(
            text("CREATE FUNCTION overlay.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'")
        )
        name = engine.url.database
        connection.execute(text(f'ALTER DATABASE "{name}" SET search_path = overlay, pg_catalog, public'))
    engine.dispose()
    for local_part in ("nobody", "anne"):
        with pytest.raises(DatabaseUnavailable, match="standby"):
            resolve(directory, f"{local_part}@example.org")


def test_a_lost_table_is_trouble_of_ours(directory: Directory, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE address"))
    with pytest.raises(DatabaseUnavailable, match="mda init"):
        resolve(directory, "anne@example.org")


def test_a_lookup_that_hangs_is_cut_off(engine: Engine, database_url: str) -> None:
    with closing(Directory(database_url, Database(statement_timeout_seconds=1))) as impatient:
        with engine.connect() as holder:
            holder.execute(text("LOCK TABLE address IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(DatabaseUnavailable, match="slow or locked"):
                resolve(impatient, "anne@example.org")
        assert resolve(impatient, "anne@example.org") == (Cause.DOMAIN_NOT_CONFIGURED,)
