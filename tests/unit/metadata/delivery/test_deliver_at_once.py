"""Several Committers at once on a real PostgreSQL: no UID twice, counters that equal the rows, one row per receipt."""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from mda.causes import Cause
from mda.metadata.delivery.deliver import Committer, Delivery, Destination, Outcome, Stored
from tests.unit.metadata.deliveries import assert_consistent, count, digest, make_accounts, make_delivery

THREADS = 4
LONG_WAIT = 20.0


def at_once(work: Callable[[int], list[Stored]]) -> list[Stored]:
    """What THREADS threads stored, each given its number; they begin together."""
    start = threading.Barrier(THREADS)

    def begin(number: int) -> list[Stored]:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return [outcome for outcomes in pool.map(begin, range(THREADS)) for outcome in outcomes]


def commit_all(committer: Committer, batch: Sequence[Delivery], lock_wait_seconds: float) -> list[Stored]:
    """Tries again what is busy, as the lanes do."""
    done: list[Stored] = []
    left = list(batch)
    while left:
        outcomes = committer.commit(left, lock_wait_seconds)
        assert {outcome for outcome in outcomes if not isinstance(outcome, Stored)} <= {Cause.ACCOUNT_BUSY}
        done += [outcome for outcome in outcomes if isinstance(outcome, Stored)]
        left = [delivery for delivery, outcome in zip(left, outcomes, strict=True) if outcome is Cause.ACCOUNT_BUSY]
    return done


@pytest.mark.parametrize("lock_wait_seconds", [0.0, LONG_WAIT], ids=["skipping", "waiting"])
@pytest.mark.parametrize("accounts", [1, 12], ids=["one-account", "many-accounts"])
def test_no_uid_twice_and_counters_equal_the_rows(
    engine: Engine, database_url: str, accounts: int, lock_wait_seconds: float
) -> None:
    make_accounts(engine, accounts)

    def work(number: int) -> list[Stored]:
        chance = random.Random(number)
        done: list[Stored] = []
        with contextlib.closing(Committer(database_url)) as committer:
            for _ in range(12):
                batch = [
                    make_delivery(
                        chance.randint(1, accounts),
                        chance.randbytes(16),
                        destination=chance.choice(list(Destination)),
                        delivered_size=chance.randint(1, 9999),
                        flags=chance.randint(0, 1),
                    )
                    for _ in range(chance.choice([1, 5, 20]))
                ]
                done += commit_all(committer, batch, lock_wait_seconds)
        return done

    outcomes = at_once(work)
    places = Counter((outcome.account_id, outcome.mailbox_id, outcome.uid) for outcome in outcomes)
    assert max(places.values()) == 1
    modseqs = Counter((outcome.account_id, outcome.modseq) for outcome in outcomes)
    assert max(modseqs.values()) == 1
    assert len(outcomes) == count(engine, "message") == count(engine, "receipt")
    assert_consistent(engine)
    with engine.begin() as connection:
        per_account = connection.execute(text("SELECT count(*) FROM mailbox GROUP BY account_id")).scalars().all()
    assert set(per_account) <= {1, 2}, "more than one Junk"


@pytest.mark.usefixtures("each_store")
@pytest.mark.parametrize("lock_wait_seconds", [0.0, LONG_WAIT], ids=["skipping", "waiting"])
def test_a_redelivery_at_the_same_time_is_stored_once(
    engine: Engine, database_url: str, lock_wait_seconds: float
) -> None:
    """Each thread delivers the same messages, all at once: one stores each, and all are told of its row."""
    make_accounts(engine, 2)
    rounds = [[(account_id, digest(number)) for account_id in (1, 2)] for number in range(30)]

    def work(_: int) -> list[Stored]:
        done: list[Stored] = []
        with contextlib.closing(Committer(database_url)) as committer:
            for pairs in rounds:
                done += commit_all(committer, [make_delivery(*pair) for pair in pairs], lock_wait_seconds)
        return done

    outcomes = at_once(work)
    assert len(outcomes) == THREADS * 60
    assert len([outcome for outcome in outcomes if not outcome.is_duplicate]) == 60
    assert len({(outcome.account_id, outcome.uid, outcome.content_id) for outcome in outcomes}) == 60
    assert count(engine, "message") == 60
    assert_consistent(engine)


@pytest.mark.usefixtures("each_store")
def test_the_one_who_waited_sees_the_receipt_of_whom_it_waited_for(engine: Engine, database_url: str) -> None:
    """The redelivery begins, and waits, before the first delivery commits: a snapshot older than the wait would
    store it twice (or break on the receipt's key)."""
    make_accounts(engine, 1)
    answers: list[object] = []
    with contextlib.closing(Committer(database_url)) as first, contextlib.closing(Committer(database_url)) as second:
        with engine.connect() as holder:  # stands for the first delivery's transaction, held open
            holder.execute(text("SELECT 1 FROM account_state WHERE account_id = 1 FOR UPDATE"))
            waiting = [
                threading.Thread(
                    target=lambda committer: answers.extend(committer.commit([make_delivery(1, digest(1))], LONG_WAIT)),
                    args=(committer,),
                )
                for committer in (first, second)
            ]
            for thread in waiting:
                thread.start()
            wait_until_locked(engine, 2)
        for thread in waiting:
            thread.join()
    stored = [answer for answer in answers if isinstance(answer, Stored)]
    assert sorted(answer.is_duplicate for answer in stored) == [False, True]
    assert len({answer.content_id for answer in stored}) == 1
    assert count(engine, "message") == 1


def test_a_skipped_account_holds_up_nobody(engine: Engine, database_url: str) -> None:
    make_accounts(engine, 20)
    with contextlib.closing(Committer(database_url)) as committer:
        committer.commit([make_delivery(1)])
        with engine.connect() as holder:
            holder.execute(text("SELECT 1 FROM account_state WHERE account_id = 7 FOR UPDATE"))
            started = time.monotonic()
            outcomes = committer.commit([make_delivery(account_id) for account_id in range(1, 21)])
            assert time.monotonic() - started < 2
    assert [place + 1 for place, outcome in enumerate(outcomes) if outcome is Cause.ACCOUNT_BUSY] == [7]


def test_opposite_orders_do_not_deadlock(engine: Engine, database_url: str) -> None:
    """Locks are taken in the order of the key, whatever the order of the batch."""
    make_accounts(engine, 30)

    def work(number: int) -> list[Stored]:
        done: list[Stored] = []
        with contextlib.closing(Committer(database_url)) as committer:
            for _ in range(10):
                batch = [make_delivery(account_id) for account_id in range(1, 31)]
                done += commit_all(committer, batch[:: 1 if number % 2 else -1], LONG_WAIT)
        return done

    assert len(at_once(work)) == THREADS * 300
    with engine.begin() as connection:
        deadlocks = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert connection.execute(deadlocks).scalar_one() == 0
    assert_consistent(engine)


def test_a_deadlock_with_somebody_else_is_tried_again(engine: Engine, database_url: str) -> None:
    """Who locks mailboxes before account_state breaks the rule; the delivery survives it all the same."""
    make_accounts(engine, 1)
    with engine.begin() as connection:
        name = engine.url.database
        connection.execute(text(f"""ALTER DATABASE "{name}" SET deadlock_timeout = '50ms'"""))
    with contextlib.closing(Committer(database_url)) as committer, engine.connect() as rival:
        rival.execute(text("SET LOCAL deadlock_timeout = '60s'"))  # so that the delivery is the one broken off
        rival.execute(text("SELECT 1 FROM mailbox WHERE account_id = 1 FOR UPDATE"))
        answers: list[object] = []
        thread = threading.Thread(target=lambda: answers.extend(committer.commit([make_delivery(1)], LONG_WAIT)))
        thread.start()
        wait_until_locked(engine, 1)
        rival.execute(text("UPDATE account_state SET modseq = modseq WHERE account_id = 1"))
        rival.commit()
        thread.join()
    assert isinstance(answers[0], Stored)
    assert_consistent(engine)


def commit_behind(engine: Engine, database_url: str, rival_statement: str) -> tuple[Outcome, ...]:
    """Outcomes for accounts 1 and 2, where somebody without an account's lock commits a change at this moment."""
    make_accounts(engine, 2)
    batch = [make_delivery(1), make_delivery(2)]
    with (
        contextlib.closing(Committer(database_url)) as committer,
        ThreadPoolExecutor(1) as pool,
        engine.connect() as rival,
    ):
        rival.execute(text(rival_statement))
        committing = pool.submit(committer.commit, batch)
        wait_until_locked(engine, 1)
        rival.commit()
        return committing.result()


@pytest.mark.usefixtures("each_store")
def test_a_mailbox_that_vanishes_meanwhile_is_not_counted_for_the_account(engine: Engine, database_url: str) -> None:
    first, second = commit_behind(engine, database_url, "DELETE FROM mailbox WHERE account_id = 2")
    assert isinstance(first, Stored)
    assert second is Cause.ACCOUNT_BUSY
    assert_consistent(engine)


@pytest.mark.usefixtures("each_store")
def test_a_mailbox_that_changes_meanwhile_takes_the_mail_as_it_is_now(engine: Engine, database_url: str) -> None:
    _, second = commit_behind(engine, database_url, "UPDATE mailbox SET name = 'Eingang' WHERE account_id = 2")
    assert isinstance(second, Stored)
    assert (second.mailbox, second.uid) == ("Eingang", 1)
    assert_consistent(engine)


BROKEN_OFF_TWICE = """
CREATE SEQUENCE tries;
CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('tries') <= 2 THEN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER break_off BEFORE INSERT ON message FOR EACH STATEMENT EXECUTE FUNCTION break_off()
"""
"""A sequence counts on where its transaction is rolled back."""


def test_a_serialization_failure_is_tried_again(engine: Engine, database_url: str) -> None:
    make_accounts(engine, 2)
    with engine.begin() as connection:
        connection.execute(text(BROKEN_OFF_TWICE))
    with contextlib.closing(Committer(database_url)) as committer:
        outcomes = committer.commit([make_delivery(1), make_delivery(2)])
    assert all(isinstance(outcome, Stored) for outcome in outcomes)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT last_value FROM tries")).scalar_one() == 3
    assert_consistent(engine)


def wait_until_locked(engine: Engine, waiters: int) -> None:
    """Returns when so many sessions of this database wait for a lock."""
    question = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    deadline = time.monotonic() + LONG_WAIT
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if connection.execute(question).scalar_one() == waiters:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")
