"""mda.metadata.mailbox.mailboxes and mailbox_names: the tree and the rules of RFC 9051 s6.3.4 to s6.3.6."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select

from mda.errors import Conflict, InvalidValue, NotFound
from mda.metadata.directory.accounts import Account
from mda.metadata.mailbox import mailbox_names, mailboxes
from mda.metadata.mailbox.listed import Mailbox
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account_state, expunged, mailbox
from mda.metadata.schema.words import Flag, Role
from tests.unit.metadata.rows import IDS, assert_sums, make_account, put, wait_for_lock


@pytest.fixture
def anne(engine: Engine) -> Account:
    return make_account(engine)


def create(engine: Engine, account: Account, path: str, role: Role | None = None) -> Mailbox:
    return mailboxes.create(engine, IDS, account.id, path, role)


def rename(engine: Engine, account: Account, old: str, new: str) -> Mailbox:
    return mailboxes.rename(engine, IDS, account.id, old, new)


def paths(engine: Engine, account: Account) -> list[str]:
    return [found.path for found in mailboxes.list_all(engine, account.id)]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Work", "Work"),
        ("Work/2026/", "Work/2026"),
        ("inbox", "INBOX"),
        ("InBox/old", "INBOX/old"),
        ("Work/inbox", "Work/inbox"),
        ("Z\u0307", "Ż"),
        ("a" * 255, "a" * 255),
    ],
)
def test_name_is_brought_into_its_kept_form(text: str, path: str) -> None:
    assert mailbox_names.parse(text) == path


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "/a", "a//b", " a", "a ", "a/ b", "a*", "%", "#shared", "a/#b", "a\n", "a\0b", "\ud800", "a\u2028b"),
        *("a" * 256, "ż" * 128, "/".join("a" * 33)),
    ],
)
def test_name_that_clients_could_not_use_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        mailbox_names.parse(text)


def test_superior_names_are_made_too(engine: Engine, anne: Account) -> None:
    made = create(engine, anne, "Work/2026/November")
    assert made.path == "Work/2026/November"
    assert paths(engine, anne) == ["INBOX", "Work", "Work/2026", "Work/2026/November"]
    create(engine, anne, "Work/2025")
    assert paths(engine, anne)[2] == "Work/2025"


def test_list_puts_inbox_first_and_children_under_parents(engine: Engine, anne: Account) -> None:
    for path in ("A b", "A", "A/c", "INBOX/x"):
        create(engine, anne, path)
    assert paths(engine, anne) == ["INBOX", "A", "A/c", "A b", "INBOX/x"]


def test_each_mailbox_has_a_uid_validity_and_modseq_of_its_own(engine: Engine, anne: Account) -> None:
    for path in ("A", "B/C"):
        create(engine, anne, path)
    mailboxes.delete(engine, anne.id, "A")
    create(engine, anne, "A")
    with transaction(engine) as connection:
        rows = connection.execute(
            select(mailbox.c.uid_validity, mailbox.c.modseq)
            .where(mailbox.c.account_id == anne.id)
            .order_by(mailbox.c.id)
        ).all()
        state = connection.execute(select(account_state).where(account_state.c.account_id == anne.id)).one()
    validities = [row.uid_validity for row in rows]
    assert len(rows) == 5
    assert validities == sorted(set(validities))
    assert all(0 < validity < state.next_uid_validity for validity in validities)
    assert len({row.modseq for row in rows}) == 5
    assert max(row.modseq for row in rows) == state.modseq


def test_names_and_roles_are_taken_once(engine: Engine, anne: Account) -> None:
    create(engine, anne, "Spam", Role.JUNK)
    for path, role, reason in (
        ("Spam", None, "mailbox Spam exists"),
        ("inbox", None, "INBOX is every account's own"),
        ("Other", Role.JUNK, "Spam is the junk mailbox"),
        ("Other", Role.INBOX, "INBOX is the inbox mailbox"),
    ):
        with pytest.raises(Conflict, match=reason):
            create(engine, anne, path, role)
    assert paths(engine, anne) == ["INBOX", "Spam"]


def test_unknown_mailbox_is_told_the_nearest(engine: Engine, anne: Account) -> None:
    create(engine, anne, "Archive")
    with pytest.raises(NotFound, match="no mailbox Archve; did you mean Archive"):
        mailboxes.find(engine, anne.id, "Archve")
    with pytest.raises(NotFound, match="no mailbox zzz; there are: INBOX, Archive"):
        mailboxes.find(engine, anne.id, "zzz")


def test_rename_takes_inferiors_along_and_keeps_uids(engine: Engine, anne: Account) -> None:
    made = create(engine, anne, "Work/2026")
    message = put(engine, anne.id, "Work/2026")
    renamed = rename(engine, anne, "Work", "Old/Stuff")
    assert paths(engine, anne) == ["INBOX", "Old", "Old/Stuff", "Old/Stuff/2026"]
    moved = mailboxes.find(engine, anne.id, "Old/Stuff/2026")
    assert (moved.id, moved.uid_validity, moved.messages) == (made.id, made.uid_validity, 1)
    assert moved.uid_next == message.uid + 1
    assert renamed.path == "Old/Stuff"


def test_rename_refuses_taken_names_and_circles(engine: Engine, anne: Account) -> None:
    for path in ("A/B", "C"):
        create(engine, anne, path)
    for old, new, reason in (
        ("A", "C", "mailbox C exists"),
        ("A", "inbox", "INBOX is every account's own"),
        ("A", "A/B/A", "is below A"),
        ("A", "A", "mailbox A exists"),
    ):
        with pytest.raises(Conflict, match=reason):
            rename(engine, anne, old, new)
    with pytest.raises(NotFound):
        rename(engine, anne, "Missing", "X")
    assert paths(engine, anne) == ["INBOX", "A", "A/B", "C"]


def test_rename_of_inbox_moves_its_mail_and_leaves_it_with_its_inferiors(engine: Engine, anne: Account) -> None:
    create(engine, anne, "INBOX/kept")
    for size, flags in ((100, Flag(0)), (200, Flag.SEEN | Flag.FLAGGED)):
        put(engine, anne.id, delivered_size=size, flags=flags)
    target = rename(engine, anne, "INBOX", "Old")
    assert (target.messages, target.unseen, target.bytes, target.uid_next) == (2, 1, 300, 3)
    inbox = mailboxes.find(engine, anne.id, "INBOX")
    assert (inbox.messages, inbox.unseen, inbox.bytes, inbox.uid_next) == (0, 0, 0, 3)
    assert paths(engine, anne) == ["INBOX", "INBOX/kept", "Old"]
    assert_sums(engine, anne.id)


def test_delete_keeps_what_undelete_needs(engine: Engine, anne: Account) -> None:
    made = create(engine, anne, "Work")
    put(engine, anne.id, "Work", flags=Flag.SEEN, keywords=["todo"])
    put(engine, anne.id, "Work")
    assert mailboxes.delete(engine, anne.id, "Work") == 2
    assert paths(engine, anne) == ["INBOX"]
    with transaction(engine) as connection:
        kept = connection.execute(
            select(expunged).where(expunged.c.mailbox_id == made.id).order_by(expunged.c.uid)
        ).all()
        row = connection.execute(select(mailbox).where(mailbox.c.id == made.id)).one()
    assert [(one.uid, one.flags, one.keywords) for one in kept] == [(1, 1, ["todo"]), (2, 0, None)]
    assert row.deleted_at is not None
    assert_sums(engine, anne.id)
    again = create(engine, anne, "Work")
    assert again.uid_validity > made.uid_validity


def test_inbox_and_parents_are_not_deleted(engine: Engine, anne: Account) -> None:
    create(engine, anne, "A/B")
    with pytest.raises(Conflict, match="INBOX can't be deleted; expunge its messages instead"):
        mailboxes.delete(engine, anne.id, "inbox")
    with pytest.raises(Conflict, match="A has mailboxes below it, like A/B"):
        mailboxes.delete(engine, anne.id, "A")
    mailboxes.delete(engine, anne.id, "A/B")
    mailboxes.delete(engine, anne.id, "A")


def test_deleted_roles_are_free_again(engine: Engine, anne: Account) -> None:
    create(engine, anne, "Spam", Role.JUNK)
    mailboxes.delete(engine, anne.id, "Spam")
    assert create(engine, anne, "Junk", Role.JUNK).role is Role.JUNK


def test_account_is_locked_first(engine: Engine, anne: Account) -> None:
    """Whoever holds the account's row (a delivery) makes the admin's change wait, before it looks at anything."""
    with ThreadPoolExecutor(1) as pool, transaction(engine) as connection:
        connection.execute(select(account_state).where(account_state.c.account_id == anne.id).with_for_update())
        waiting = pool.submit(mailboxes.delete, engine, anne.id, "Missing")
        wait_for_lock(connection, waiting)
        connection.commit()
        with pytest.raises(NotFound):
            waiting.result()
