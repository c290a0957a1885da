"""What one Committer promises: UIDs in order, counters that equal the rows, one row per receipt, bad rows alone."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, select, text

from mda.causes import Cause
from mda.errors import CommitUnknown, DatabaseUnavailable
from mda.metadata.content.facts import COLUMNS, unpack
from mda.metadata.content.spam_reasons import spam_reasons
from mda.metadata.delivery import deliver
from mda.metadata.delivery.deliver import Committer, Delivery, Destination, Stored
from mda.metadata.delivery.delivery_row import Replica
from mda.metadata.delivery.store_connection import StoreConnection
from mda.metadata.schema.tables import content, mailbox, message, receipt, replica
from mda.settings import Database
from tests.unit.metadata.deliveries import NOW, assert_consistent, count, digest, make_accounts, make_delivery

SQUARE = (("content", 3, 0.5), ("host", 4, -1.25))


@pytest.fixture
def committer(engine: Engine, database_url: str, each_store: str) -> Iterator[Committer]:
    make_accounts(engine)
    committer = Committer(database_url)
    yield committer
    committer.close()


def stored(committer: Committer, *batch: Delivery) -> list[Stored]:
    outcomes = committer.commit(batch)
    assert all(isinstance(outcome, Stored) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, Stored)]


def test_nothing_to_store(committer: Committer) -> None:
    assert committer.commit(()) == ()


def test_a_batch_gets_uids_and_modseqs_in_its_order(committer: Committer, engine: Engine) -> None:
    batch = [make_delivery(account_id) for account_id in (2, 1, 2, 2, 3, 1)]
    outcomes = stored(committer, *batch)
    assert [(outcome.account_id, outcome.uid, outcome.modseq) for outcome in outcomes] == [
        (2, 1, 1),
        (1, 1, 1),
        (2, 2, 2),
        (2, 3, 3),
        (3, 1, 1),
        (1, 2, 2),
    ]
    assert [outcome.content_id for outcome in outcomes] == [delivery.content_id for delivery in batch]
    assert {(o.mailbox, o.mailbox_id - o.account_id, o.uid_validity, o.is_duplicate) for o in outcomes} == {
        ("INBOX", 1000, 1, False)
    }
    (next_one,) = stored(committer, make_delivery(2))
    assert (next_one.uid, next_one.modseq) == (4, 4)
    assert_consistent(engine)


def test_every_column_arrives(committer: Committer, engine: Engine) -> None:
    delivery = make_delivery(
        1,
        digest(1),
        flags=1 | 4,
        segment=2**62,
        offset=5,
        forged_spans=((10, 20), (30, 44)),
        thread_id=99,
        message_id_hash=-(2**63),
        reference_hashes=(1, -2, 2**63 - 1),
        subject_base="Zażółć gęślą jaźń 🐘 ' \\ \" {}",
        sent_at=datetime(2020, 2, 29, 23, 59, tzinfo=timezone(timedelta(hours=-11))),
        preview="a\r\nb\tc",
        has_attachment=True,
        spam_score=0.9999997,
        spam_reasons=spam_reasons(SQUARE, "abc"),
        defects=2**40,
        original_recipient="Anne@Example.org",
        queue_id="4XyZ1",
        envelope=bytes(range(256)),
    )
    (outcome,) = stored(committer, delivery)
    with engine.begin() as connection:
        row = connection.execute(select(content)).one()._mapping
        seen = connection.execute(select(message)).one()._mapping
        kept = connection.execute(select(receipt)).one()._mapping
    for name in (column.name for column in content.columns):
        if name not in ("id", *COLUMNS):
            value = bytes(row[name]) if isinstance(row[name], memoryview) else row[name]
            assert value == getattr(delivery, name), name
    assert row["id"] == delivery.content_id
    found = unpack(bytes(row["facts"]))
    for name in found.__struct_fields__:
        assert getattr(found, name) == getattr(delivery, name), name
    assert not any(row[name] for name in COLUMNS if name != "facts")
    assert (seen["uid"], seen["flags"], seen["modseq"], seen["internal_date"]) == (1, 5, 1, NOW)
    assert (bytes(kept["digest"]), kept["content_id"], kept["mailbox_id"], kept["uid"], kept["received_at"]) == (
        digest(1),
        outcome.content_id,
        outcome.mailbox_id,
        1,
        NOW,
    )
    assert_consistent(engine)  # the message is \Seen, so not counted as unseen


def test_a_second_record_arrives(committer: Committer, engine: Engine) -> None:
    delivery, other = make_delivery(1, replica=Replica(2, 3, 4, 5)), make_delivery(2)
    stored(committer, other, delivery)
    with engine.begin() as connection:
        rows = [tuple(row) for row in connection.execute(select(replica))]
    assert rows == [(1, delivery.content_id, 2, 3, 4, 5)]


def test_what_is_no_number_is_never_sent(committer: Committer, engine: Engine) -> None:
    for name in ("account_id", "destination", "shard_id", "size", "thread_id", "flags", "spam_score"):
        wrong = make_delivery(1)
        setattr(wrong, name, "1}', '{1")  # as nothing is checked when it is made
        assert committer.commit([wrong, make_delivery(2)])[0] is Cause.INTERNAL_ERROR, name
    assert count(engine, "message") == 7


def test_a_redelivery_is_answered_with_the_first(committer: Committer, engine: Engine) -> None:
    (first,) = stored(committer, make_delivery(1, digest(1)))
    stored(committer, make_delivery(1, digest(2)))
    (again,) = stored(committer, make_delivery(1, digest(1)))
    assert again.is_duplicate
    assert (again.content_id, again.uid, again.mailbox, again.uid_validity, again.modseq) == (
        first.content_id,
        first.uid,
        "INBOX",
        1,
        first.modseq,
    )
    (other_account,) = stored(committer, make_delivery(2, digest(1)))
    assert not other_account.is_duplicate
    assert count(engine, "message") == 3
    assert_consistent(engine)


def test_a_redelivery_to_junk_after_its_first_was_deleted_is_still_a_duplicate(
    committer: Committer, engine: Engine
) -> None:
    (first,) = stored(committer, make_delivery(1, digest(1)))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM message"))
        connection.execute(text("DELETE FROM mailbox WHERE account_id = 1"))
    (again,) = stored(committer, make_delivery(1, digest(1), destination=Destination.JUNK))
    assert again == Stored(1, first.mailbox_id, "", first.uid, 0, 0, first.content_id, is_duplicate=True)


def test_the_same_receipt_twice_in_a_batch_is_stored_once(committer: Committer, engine: Engine) -> None:
    outcomes = stored(
        committer, make_delivery(1, digest(1)), make_delivery(1), make_delivery(1, digest(1)), make_delivery(1)
    )
    assert [(outcome.uid, outcome.is_duplicate) for outcome in outcomes] == [
        (1, False),
        (2, False),
        (1, True),
        (3, False),
    ]
    assert outcomes[2].content_id == outcomes[0].content_id
    assert count(engine, "message") == 3
    assert_consistent(engine)


def test_junk_is_made_when_it_is_needed(committer: Committer, engine: Engine) -> None:
    spam = make_delivery(1, digest(1), destination=Destination.JUNK)
    outcomes = stored(committer, make_delivery(1), spam, make_delivery(2, destination=Destination.JUNK))
    assert [(o.account_id, o.mailbox, o.uid, o.uid_validity) for o in outcomes] == [
        (1, "INBOX", 1, 1),
        (1, "Junk", 1, 2),
        (2, "Junk", 1, 2),
    ]
    (more,) = stored(committer, make_delivery(1, destination=Destination.JUNK))
    assert (more.mailbox_id, more.uid) == (outcomes[1].mailbox_id, 2)
    with engine.begin() as connection:
        validity = connection.execute(text("SELECT next_uid_validity FROM account_state WHERE account_id = 1")).scalar()
    assert validity == 3
    assert_consistent(engine)


def test_a_users_own_junk_is_adopted(committer: Committer, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO mailbox (account_id, id, name, uid_validity) VALUES (1, 5, 'Junk', 77), (2, 5, 'Junk', 7)"
            )
        )
        connection.execute(text("UPDATE mailbox SET role = 'archive' WHERE account_id = 2 AND id = 5"))
    mine, other = stored(committer, *(make_delivery(n, destination=Destination.JUNK) for n in (1, 2)))
    assert (mine.mailbox_id, mine.uid_validity) == (5, 77)
    assert (other.mailbox, other.uid) == ("Junk 2", 1)
    with engine.begin() as connection:
        roles = select(mailbox.c.role).where(mailbox.c.id == 5).order_by(mailbox.c.account_id)
        assert connection.execute(roles).scalars().all() == ["junk", "archive"]


def test_a_mailbox_that_is_gone_falls_back_to_inbox(committer: Committer, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO mailbox (account_id, id, name, uid_validity, deleted_at)"
                " VALUES (1, 5, 'kept', 2, NULL), (1, 6, 'deleted', 3, now())"
            )
        )
    outcomes = stored(committer, *(make_delivery(1, destination=mailbox_id) for mailbox_id in (5, 6, 7, 1002)))
    assert [outcome.mailbox for outcome in outcomes] == ["kept", "INBOX", "INBOX", "INBOX"]
    alone = [stored(committer, make_delivery(1, destination=mailbox_id))[0].mailbox for mailbox_id in (5, 6, 7, 1002)]
    assert alone == ["kept", "INBOX", "INBOX", "INBOX"]
    assert_consistent(engine)


def test_an_account_that_vanished_is_told_to_try_again(committer: Committer) -> None:
    outcome, missing = committer.commit([make_delivery(1), make_delivery(404)])
    assert isinstance(outcome, Stored)
    assert missing is Cause.ACCOUNT_BUSY


def test_mail_may_hold_what_postgresql_refuses(committer: Committer, engine: Engine) -> None:
    nasty = make_delivery(
        1,
        subject_base="nul \0 lone \ud800 pair \ud83d\ude00",
        preview="\udfff" * 3,
        original_recipient="\0",
        queue_id="\0\0",
        sent_at=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        spam_score=1e-300,
        spam_reasons=spam_reasons((("a\0", 1, float("nan")), ("b", 2, 1e300))),
    )
    stored(committer, nasty, make_delivery(1, spam_score=float("nan"), sent_at=datetime(9999, 12, 31)))
    with engine.begin() as connection:
        rows = connection.execute(select(content).order_by(content.c.id)).all()
    found = unpack(bytes(rows[0].facts))
    assert found.subject_base == "nul \ufffd lone \ufffd pair 😀"
    assert found.preview == "\ufffd" * 3
    assert (rows[0].sent_at, rows[0].spam_score, rows[1].spam_score) == (None, 0, None)
    assert found.spam_reasons
    assert found.spam_reasons.reasons == (("a\0", 1, 0.0), ("b", 2, 65504.0))
    assert rows[1].sent_at == datetime(9999, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "bad",
    [
        {"receipt": b"short"},
        {"size": 2**63},
        {"flags": 2**31},
        {"content_id": 1},
        {"internal_date": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))},
        {"message_id_hash": object()},
        {"digest": None},
        {"defects": 2**70},
    ],
    ids=lambda bad: next(iter(bad)),
)
def test_a_row_that_is_refused_fails_alone(committer: Committer, engine: Engine, bad: dict[str, object]) -> None:
    stored(committer, make_delivery(1, content_id=1))
    wrong = make_delivery(1, **bad)  # type: ignore[arg-type]
    outcomes = committer.commit([make_delivery(1, digest(1)), wrong, make_delivery(2), make_delivery(1, digest(1))])
    assert outcomes[1] is Cause.INTERNAL_ERROR
    first, other, again = (outcome for outcome in outcomes if isinstance(outcome, Stored))
    assert (first.uid, other.account_id, again.is_duplicate) == (2, 2, True)
    assert count(engine, "message") == 3
    assert_consistent(engine)


def test_a_locked_account_is_skipped_at_once_and_waited_for_on_demand(
    committer: Committer, engine: Engine, database_url: str
) -> None:
    with engine.connect() as holder:
        holder.execute(text("SELECT 1 FROM account_state WHERE account_id = 2 FOR UPDATE"))
        outcomes = committer.commit([make_delivery(1), make_delivery(2), make_delivery(3)])
        assert [isinstance(outcome, Stored) for outcome in outcomes] == [True, False, True]
        assert outcomes[1] is Cause.ACCOUNT_BUSY
        assert committer.commit([make_delivery(2)], lock_wait_seconds=0.05) == (Cause.ACCOUNT_BUSY,)
        mixed = committer.commit([make_delivery(2), make_delivery(3)], lock_wait_seconds=0.05)
        assert (mixed[0], isinstance(mixed[1], Stored)) == (Cause.ACCOUNT_BUSY, True)
    (outcome,) = stored(committer, make_delivery(2))
    assert outcome.uid == 1
    assert_consistent(engine)


def test_a_server_that_goes_away_is_noticed_and_found_again(committer: Committer, engine: Engine) -> None:
    stored(committer, make_delivery(1))
    with engine.begin() as connection:
        ended = text(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE application_name = 'mda-deliver' AND datname = current_database()"
        )
        assert connection.execute(ended).scalars().all() == [True]
    stored(committer, make_delivery(1))  # the loss was seen before anything was sent
    assert count(engine, "message") == 2


def test_a_connection_lost_on_the_way_leaves_the_outcome_unknown(
    committer: Committer, engine: Engine, database_url: str
) -> None:
    stored(committer, make_delivery(1))
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NEW; END'"
            )
        )
        connection.execute(text("CREATE TRIGGER die BEFORE INSERT ON receipt FOR EACH ROW EXECUTE FUNCTION die()"))
    with pytest.raises(CommitUnknown, match=r"broken off: PostgreSQL: (terminating connection|server closed)"):
        committer.commit([make_delivery(1, digest(1)), make_delivery(2)])
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER die ON receipt"))
    (outcome,) = stored(committer, make_delivery(1, digest(1)))
    assert not outcome.is_duplicate
    assert_consistent(engine)


def test_a_database_that_is_not_there_is_unavailable(tmp_path: object) -> None:
    nowhere = Committer(f"postgresql://mda:secret@/mda?host={tmp_path}", Database(connect_timeout_seconds=1))
    with pytest.raises(DatabaseUnavailable) as caught:
        nowhere.commit([make_delivery(1)])
    assert "secret" not in str(caught.value)


def test_a_statement_that_takes_too_long_stores_nothing(engine: Engine, database_url: str) -> None:
    make_accounts(engine)
    with contextlib.closing(Committer(database_url, Database(statement_timeout_seconds=1))) as committer:
        with engine.connect() as holder:
            holder.execute(text("LOCK TABLE receipt IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(DatabaseUnavailable, match="slow or locked"):
                committer.commit([make_delivery(1)])
        stored(committer, make_delivery(1))
    assert_consistent(engine)


def test_other_isolation_levels_of_the_database_do_not_matter(engine: Engine, database_url: str) -> None:
    make_accounts(engine)
    name = engine.url.database
    with engine.begin() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_isolation = serializable'))
        connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    with contextlib.closing(Committer(database_url)) as committer:
        stored(committer, make_delivery(1))
        connection_of_ours = committer._connection._connection.open()
        with connection_of_ours.cursor() as cursor:
            cursor.execute("SELECT current_setting('transaction_isolation'), current_setting('synchronous_commit')")
            assert cursor.fetchone() == ("read committed", "on")


def test_who_waits_in_vain_for_an_account_that_vanished_learns_it(committer: Committer) -> None:
    outcome, missing = committer.commit([make_delivery(1), make_delivery(404)], lock_wait_seconds=0.05)
    assert isinstance(outcome, Stored)
    assert missing is Cause.ACCOUNT_GONE


@pytest.mark.parametrize("lock_wait", [0, 0.05])
def test_a_mailbox_that_somebody_holds_fails_alone(committer: Committer, engine: Engine, lock_wait: float) -> None:
    """Somebody has changed a mailbox without the account's lock, in psql say, and has not committed."""
    with engine.connect() as holder:
        holder.execute(text("UPDATE mailbox SET subscribed = false WHERE account_id = 2"))
        batch = [make_delivery(1), make_delivery(2), make_delivery(3), make_delivery(2)]
        outcomes = committer.commit(batch, lock_wait)
    assert [isinstance(outcome, Stored) for outcome in outcomes] == [True, False, True, False]
    assert outcomes[1] is outcomes[3] is Cause.ACCOUNT_BUSY
    stored(committer, make_delivery(2))
    assert_consistent(engine)


@pytest.mark.parametrize("limit", ["ROWS_AT_ONCE", "OCTETS_AT_ONCE"])
def test_a_batch_is_cut_where_a_statement_is_full(
    committer: Committer, engine: Engine, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(deliver, limit, {"ROWS_AT_ONCE": 3, "OCTETS_AT_ONCE": 25_000}[limit])
    sizes: list[int] = []
    whole = StoreConnection.store

    def spied(self: StoreConnection, batch: Sequence[Delivery], *rest: float) -> list[Stored | Cause | None]:
        sizes.append(len(batch))
        return whole(self, batch, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(StoreConnection, "store", spied)
    outcomes = stored(committer, *(make_delivery(1, digest(n), envelope=b"e" * 8000) for n in range(8)))
    assert sizes == [3, 3, 2]
    assert [outcome.uid for outcome in outcomes] == list(range(1, 9))
    assert_consistent(engine)
