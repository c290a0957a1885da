"""mda.metadata.mailbox.messages and relocation: reading, moving and expunging with every counter right."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from mda.errors import Conflict, NotFound
from mda.metadata.directory.accounts import Account
from mda.metadata.mailbox import mailboxes, messages
from mda.metadata.mailbox.listed import Entry
from mda.metadata.mailbox.messages import Wanted
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account_state, content, expunged, mailbox, mark, message, training_queue
from mda.metadata.schema.words import Flag, Role
from tests.unit.metadata.rows import IDS, NOW, Put, assert_sums, make_account, put


@pytest.fixture
def anne(engine: Engine) -> Account:
    account = make_account(engine)
    mailboxes.create(engine, IDS, account.id, "Junk", Role.JUNK)
    mailboxes.create(engine, IDS, account.id, "Trash", Role.TRASH)
    mailboxes.create(engine, IDS, account.id, "Work")
    return account


def read(engine: Engine, account: Account, path: str = "INBOX", **wanted: Any) -> list[Entry]:
    found = mailboxes.find(engine, account.id, path)
    return list(messages.read(engine, account.id, found.id, Wanted(**wanted)))


def rows(engine: Engine, table: Any) -> list[Any]:
    with transaction(engine) as connection:
        return list(connection.execute(select(table)))


def entry(engine: Engine, account: Account, made: Put, path: str = "INBOX") -> Entry:
    return messages.find(engine, account.id, path, made.uid)


def test_mailbox_is_read_newest_first_in_pages(engine: Engine, anne: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE", 3)
    made = [put(engine, anne.id) for _ in range(7)]
    put(engine, anne.id, "Work")
    assert [found.uid for found in read(engine, anne)] == [one.uid for one in reversed(made)]


def test_entry_carries_what_a_listing_shows(engine: Engine, anne: Account) -> None:
    made = put(
        engine,
        anne.id,
        flags=Flag.SEEN | Flag.ANSWERED,
        keywords=["todo"],
        delivered_size=321,
        preview="Dear Anne",
        spam_score=0.25,
        has_attachment=True,
    )
    (found,) = read(engine, anne)
    assert (found.content_id, found.flags) == (made.content_id, Flag.SEEN | Flag.ANSWERED)
    assert (found.keywords, found.size, found.preview) == (("todo",), 321, "Dear Anne")
    assert (found.spam_score, found.has_attachment, found.internal_date) == (0.25, True, NOW)


def test_reading_is_narrowed_by_date_and_message_id(engine: Engine, anne: Account) -> None:
    days = [put(engine, anne.id, internal_date=NOW + timedelta(days=day), message_id_hash=day) for day in range(4)]
    found = read(engine, anne, since=NOW + timedelta(days=1), before=NOW + timedelta(days=3))
    assert [one.uid for one in found] == [days[2].uid, days[1].uid]
    assert [one.uid for one in read(engine, anne, message_id_hash=3)] == [days[3].uid]


def test_message_is_found_by_uid_and_by_emailid(engine: Engine, anne: Account) -> None:
    made = put(engine, anne.id)
    copy = put(engine, anne.id, "Work", content_id=made.content_id, is_copy=True)
    found = messages.find_all(engine, anne.id, made.content_id)
    assert sorted(one.mailbox_id for one in found) == sorted(
        mailboxes.find(engine, anne.id, path).id for path in ("INBOX", "Work")
    )
    assert messages.find(engine, anne.id, "work".title(), copy.uid).content_id == made.content_id
    with pytest.raises(NotFound, match="no message INBOX:99"):
        messages.find(engine, anne.id, "inbox", 99)
    with pytest.raises(NotFound, match="no message 00000000000000ff"):
        messages.find_all(engine, anne.id, 255)


def test_accounts_do_not_see_each_others_mail(engine: Engine, anne: Account) -> None:
    bob = make_account(engine, "bob@example.org")
    made = put(engine, anne.id)
    with pytest.raises(NotFound):
        messages.find_all(engine, bob.id, made.content_id)
    with pytest.raises(NotFound):
        messages.open_content(engine, bob.id, made.content_id)


def test_content_says_where_the_bytes_are(engine: Engine, anne: Account) -> None:
    made = put(
        engine,
        anne.id,
        segment=7,
        offset=1000,
        length=50,
        prefix=b"Return-Path: <>\r\n",
        forged_spans=[10, 20, 30, 40],
        spam_reasons=[["words", 17, 2.5]],
        queue_id="4F1",
        defects=5,
    )
    found = messages.open_content(engine, anne.id, made.content_id)
    assert (found.shard.name, found.segment, found.offset, found.length) == ("first", 7, 1000, 50)
    assert (found.prefix, found.forged_spans) == (b"Return-Path: <>\r\n", ((10, 20), (30, 40)))
    assert (found.spam_reasons.reasons, found.queue_id, found.defects) == ((("words", 17, 2.5),), "4F1", 5)


def test_move_gives_new_uids_and_remembers_the_old_ones(engine: Engine, anne: Account) -> None:
    put(engine, anne.id, "Work")
    first = put(engine, anne.id, flags=Flag.SEEN, keywords=["todo"], delivered_size=100)
    second = put(engine, anne.id, delivered_size=250)
    left = put(engine, anne.id)
    before = state(engine, anne)
    chosen = [entry(engine, anne, second), entry(engine, anne, first)]
    moved = messages.move(engine, IDS, anne.id, chosen, "Work")
    assert [(one.uid, one.new_uid, one.content_id) for one in moved] == [
        (first.uid, 2, first.content_id),
        (second.uid, 3, second.content_id),
    ]
    assert [one.uid for one in read(engine, anne)] == [left.uid]
    newest, older, _ = read(engine, anne, "Work")
    assert (older.content_id, older.flags, older.keywords) == (first.content_id, Flag.SEEN, ("todo",))
    assert newest.internal_date == NOW
    after = state(engine, anne)
    assert (after.bytes, after.message_count) == (before.bytes, before.message_count)
    gone = rows(engine, expunged)
    assert {(one.uid, one.content_id) for one in gone} == {
        (first.uid, first.content_id),
        (second.uid, second.content_id),
    }
    assert {one.modseq for one in gone} == {after.modseq} != {before.modseq}
    with transaction(engine) as connection:
        modseqs = connection.scalars(select(message.c.modseq).where(message.c.uid.in_([2, 3]))).all()
        touched = connection.scalars(select(mailbox.c.name).where(mailbox.c.modseq == after.modseq)).all()
    assert after.modseq in modseqs
    assert sorted(touched) == ["INBOX", "Work"]
    assert_sums(engine, anne.id)


def test_move_is_all_or_nothing(engine: Engine, anne: Account) -> None:
    first, second = put(engine, anne.id), put(engine, anne.id)
    chosen = [entry(engine, anne, first), entry(engine, anne, second)]
    messages.expunge(engine, anne.id, chosen[1:])
    with pytest.raises(NotFound, match=f"no message INBOX:{second.uid} any more; nothing was moved"):
        messages.move(engine, IDS, anne.id, chosen, "Work")
    assert [one.uid for one in read(engine, anne)] == [first.uid]
    with pytest.raises(Conflict, match="is in INBOX already"):
        messages.move(engine, IDS, anne.id, chosen[:1], "inbox")
    with pytest.raises(NotFound, match="no mailbox Wrk; did you mean Work"):
        messages.move(engine, IDS, anne.id, chosen[:1], "Wrk")
    assert_sums(engine, anne.id)


@pytest.mark.parametrize(
    ("source", "target", "lesson"),
    [
        ("INBOX", "Junk", True),
        ("Work", "Junk", True),
        ("Junk", "INBOX", False),
        ("Junk", "Work", False),
        ("Junk", "Trash", None),
        ("INBOX", "Work", None),
        ("INBOX", "Trash", None),
    ],
)
def test_filter_learns_at_junks_border(
    engine: Engine, anne: Account, source: str, target: str, lesson: bool | None
) -> None:
    made = put(engine, anne.id, source)
    messages.move(engine, IDS, anne.id, [entry(engine, anne, made, source)], target)
    expected = [] if lesson is None else [(anne.id, made.content_id, lesson)]
    assert [(row.account_id, row.content_id, row.is_spam) for row in rows(engine, training_queue)] == expected
    assert [(row.account_id, row.content_id, row.is_spam) for row in rows(engine, mark)] == expected


def test_last_move_across_junks_border_is_the_mark(engine: Engine, anne: Account) -> None:
    made = put(engine, anne.id)
    messages.move(engine, IDS, anne.id, [entry(engine, anne, made)], "Junk")
    messages.move(engine, IDS, anne.id, list(messages.find_all(engine, anne.id, made.content_id)), "INBOX")
    assert [row.is_spam for row in rows(engine, mark)] == [False]
    assert [row.is_spam for row in sorted(rows(engine, training_queue), key=lambda row: row.id)] == [True, False]


def test_expunge_frees_the_quota_and_keeps_the_content(engine: Engine, anne: Account) -> None:
    made = [put(engine, anne.id, delivered_size=100), put(engine, anne.id, "Work", delivered_size=50)]
    kept = put(engine, anne.id)
    chosen = [entry(engine, anne, made[0]), entry(engine, anne, made[1], "Work")]
    assert messages.expunge(engine, anne.id, chosen) == 2
    assert messages.expunge(engine, anne.id, chosen) == 0
    assert [one.uid for one in read(engine, anne)] == [kept.uid]
    assert state(engine, anne).message_count == 1
    assert len(rows(engine, content)) == 3
    assert len(rows(engine, expunged)) == 2
    assert_sums(engine, anne.id)


def test_uids_are_never_given_twice(engine: Engine, anne: Account) -> None:
    made = put(engine, anne.id)
    messages.expunge(engine, anne.id, [entry(engine, anne, made)])
    again = put(engine, anne.id)
    assert again.uid > made.uid
    messages.move(engine, IDS, anne.id, [entry(engine, anne, again)], "Work")
    back = messages.move(engine, IDS, anne.id, list(messages.find_all(engine, anne.id, again.content_id)), "INBOX")
    assert back[0].new_uid > again.uid


def test_content_without_row_does_not_break_the_counters(engine: Engine, anne: Account) -> None:
    """A content row lost by hand: the message still leaves."""
    made = put(engine, anne.id, delivered_size=10)
    chosen = [entry(engine, anne, made)]
    with transaction(engine) as connection:
        connection.execute(update(content).values(delivered_size=0))
        connection.execute(update(mailbox).where(mailbox.c.name == "INBOX").values(bytes=0))
        connection.execute(content.delete())
    assert messages.expunge(engine, anne.id, chosen) == 1
    assert mailboxes.find(engine, anne.id, "INBOX").messages == 0


def state(engine: Engine, account: Account) -> Any:
    with transaction(engine) as connection:
        return connection.execute(select(account_state).where(account_state.c.account_id == account.id)).one()
