"""What is remembered of the directory, and when it may be used."""

from types import SimpleNamespace

import msgspec
import pytest

from mda import address
from mda.delivery import remembered
from mda.delivery.remembered import Remembered
from mda.metadata.directory.changes import EVERYTHING, Word
from mda.metadata.directory.resolve import DomainUsage, PolicyRule, Resolved, Target
from mda.metadata.schema.words import PolicyAction, PolicySubject
from tests.unit.delivery.test_plan import make_target

ANNA = address.parse("anna@example.org").key
UNIX = 1_800_000_000
"""Seconds, where the monotonic clock has 0."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Its one element is the time."""
    now = [1000.0]
    ours = SimpleNamespace(monotonic=lambda: now[0], time=lambda: UNIX + now[0])
    monkeypatch.setattr(remembered, "time", ours)  # not for other threads
    return now


def kept(clock: list[float], *targets: Target, hold_seconds: float = 60, trusted: float = 1e9) -> Remembered:
    known = Remembered(hold_seconds)
    known.trust(trusted)
    known.keep(ANNA, Resolved(targets or (make_target(),)), known.changes, clock[0])
    return known


def is_known(known: Remembered) -> bool:
    return known.recall(ANNA) is not None


def test_it_is_held_for_its_time(clock: list[float]) -> None:
    known = kept(clock)
    clock[0] += 59
    assert is_known(known)
    clock[0] += 1
    assert not is_known(known)


def test_it_is_held_briefly_while_nobody_listens(clock: list[float]) -> None:
    known = kept(clock, trusted=0)
    clock[0] += 0.9
    assert is_known(known)
    clock[0] += 0.1
    assert not is_known(known)


def test_trust_runs_out(clock: list[float]) -> None:
    known = kept(clock, trusted=clock[0] + 10)
    clock[0] += 9
    assert is_known(known)
    known.trust(clock[0] + 10)
    clock[0] += 9
    assert is_known(known)
    clock[0] += 1
    assert not is_known(known)


def test_a_change_makes_it_forgotten(clock: list[float]) -> None:
    known = kept(clock)
    known.hear(EVERYTHING)
    assert not is_known(known)


def test_what_was_asked_for_before_a_change_is_not_kept(clock: list[float]) -> None:
    known = Remembered(60)
    asked = known.changes
    known.hear(EVERYTHING)
    known.keep(ANNA, Resolved((make_target(),)), asked, clock[0])
    assert not is_known(known)


@pytest.mark.parametrize(
    "unheard",
    [make_target(detail="news"), make_target(domain=DomainUsage(1000, None, None, 0, 0, is_fresh=True))],
    ids=["detail", "domain"],
)
def test_what_changes_without_a_word_is_held_briefly(clock: list[float], unheard: Target) -> None:
    known = kept(clock, make_target(), unheard)
    clock[0] += 0.9
    assert is_known(known)
    clock[0] += 0.1
    assert not is_known(known)


def test_nothing_is_held_for_no_time(clock: list[float]) -> None:
    assert not is_known(kept(clock, hold_seconds=0))


def test_a_short_time_is_no_longer_than_it_says(clock: list[float]) -> None:
    known = kept(clock, hold_seconds=0.1)
    clock[0] += 0.2
    assert not is_known(known)


def test_use_is_counted_until_somebody_else_is_seen(clock: list[float]) -> None:
    full = make_target(quota_messages=10, used_messages=3, used_bytes=300, modseq=7)
    known = kept(clock, full)
    full.stored(100, 8)
    assert (full.used_messages, full.used_bytes) == (4, 400)
    assert is_known(known)
    full.stored(100, 10)  # 9 was another's
    assert not is_known(known)


def test_others_do_not_matter_where_there_is_no_quota(clock: list[float]) -> None:
    free = make_target(modseq=7)
    known = kept(clock, free)
    free.stored(100, 12)
    assert is_known(known)


def test_the_oldest_make_room(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST_OCTETS", 2 * remembered.ENTRY_OCTETS + 100)
    monkeypatch.setattr(remembered, "LARGEST_SHARE", 1)
    known = Remembered(60)
    keys = [address.parse(f"{number}@example.org").key for number in range(4)]

    def keep(number: int, weights: bytes | None = None) -> list[bool]:
        answer = Resolved((make_target(account_id=number, user_weights=weights),))
        known.keep(keys[number], answer, known.changes, clock[0])
        return [known.recall(key) is not None for key in keys]

    def of_rules(count: int) -> list[bool]:
        rule = PolicyRule(PolicySubject.SENDER, PolicyAction.ACCEPT, "x@y.test")
        known.keep(keys[3], Resolved((make_target(policies=(rule,) * count),)), known.changes, clock[0])
        return [known.recall(key) is not None for key in keys]

    assert keep(0) == [True, False, False, False]
    assert keep(1) == [True, True, False, False]
    assert keep(1) == [True, True, False, False], "anew: it has one place"
    assert keep(2) == [False, True, True, False]
    assert keep(3, b"w" * 101) == [False, False, False, True]
    assert keep(0) == [True, False, False, False]
    assert of_rules(10) == [True, False, False, True]
    assert of_rules(13) == [False, False, False, True]
    assert keep(0) == [True, False, False, False]
    assert keep(3, b"w" * 4000) == [True, False, False, False], "larger than its share"
    known.hear(EVERYTHING)
    assert keep(1) == [False, True, False, False]
    assert keep(2) == [False, True, True, False]


def test_what_depends_on_the_message_or_changes_unheard_is_not_held_to(clock: list[float]) -> None:
    usage = DomainUsage(100, None, None, 0, 0, is_fresh=True)
    assert held_until(kept(clock)) == clock[0] + 60
    assert kept(clock, hold_seconds=0).holds_until(ANNA, ()) == 0
    assert Remembered(60).holds_until(ANNA, ()) == 0
    assert kept(clock).holds_until(ANNA, (make_target(),)) == 0  # of an answer before
    for change in ({"quota_bytes": 1}, {"is_enabled": False}, {"detail": "x"}, {"domain": usage}):
        target = msgspec.structs.replace(make_target(), **change)
        assert held_until(kept(clock, make_target(), target)) == 0, change


def held_until(known: Remembered) -> float:
    answer = known.recall(ANNA)
    return known.holds_until(ANNA, answer.targets) if answer else -1


def test_other_weights_make_an_account_forgotten(clock: list[float]) -> None:
    anna, ben, both = (address.parse(f"{name}@example.org").key for name in ("anna", "ben", "both"))
    known, told = Remembered(60), list[object]()
    known.trust(1e9)
    known.follow(lambda: told.append("forget"), told.append)
    of_anna, of_ben = make_target(account_id=1), make_target(account_id=2)
    for key, targets in ((anna, (of_anna,)), (ben, (of_ben,)), (both, (of_anna, of_ben))):
        known.keep(key, Resolved(targets), known.changes, clock[0])
    assert known.holds_until(anna, known._known[anna].answer.targets)
    asked = known.changes
    known.hear(Word(False, frozenset({1, 77})))
    assert [known.recall(key) is not None for key in (anna, ben, both)] == [False, True, False]
    assert told == [1e9, "forget"]
    known.keep(anna, Resolved((of_anna,)), asked, clock[0])
    assert known.recall(anna) is None, "asked for before"
    known.hear(Word(False, frozenset({1})))
    assert told == [1e9, "forget"], "nothing was known of it"


def test_followers_are_told_of_an_account_that_has_made_room(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They hold what they were told `holds_until` of, whether or not it is known here any more."""
    monkeypatch.setattr(remembered, "MOST_OCTETS", remembered.ENTRY_OCTETS)
    monkeypatch.setattr(remembered, "LARGEST_SHARE", 1)
    known, told = kept(clock), list[object]()
    known.follow(lambda: told.append("forget"), lambda until: None)
    assert held_until(known) == clock[0] + 60
    known.keep(address.parse("ben@example.org").key, Resolved((make_target(account_id=2),)), known.changes, clock[0])
    assert not is_known(known)
    known.hear(Word(False, frozenset({2})))
    assert told == [], "known here, but nobody was told"
    known.hear(Word(False, frozenset({1})))
    assert told == ["forget"]
    known.hear(Word(False, frozenset({1})))
    assert told == ["forget"]


def test_followers_forget_before_there_are_too_many(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST_VOUCHED", 2)
    known, told = Remembered(60), list[int]()
    known.follow(lambda: told.append(len(known._known)), lambda until: None)
    for number in range(4):
        key, targets = address.parse(f"{number}@example.org").key, (make_target(account_id=number),)
        known.keep(key, Resolved(targets), known.changes, clock[0])
        assert known.holds_until(key, targets)
    assert told == [3]
    known.hear(Word(False, frozenset({2})))
    assert len(told) == 2, "the one by whom it was too many"


def test_it_holds_no_longer_than_a_rule(clock: list[float]) -> None:
    ends = UNIX + int(clock[0]) + 20
    known = kept(clock, *(make_target(policies_until=until) for until in (0, ends + 5, ends)))
    assert held_until(known) == clock[0] + 20
    clock[0] += 19
    assert is_known(known)
    clock[0] += 1
    assert not is_known(known)


def test_followers_are_told(clock: list[float]) -> None:
    known, told = kept(clock, trusted=5), list[object]()
    known.follow(lambda: told.append("forget"), told.append)
    known.trust(7)
    known.hear(EVERYTHING)
    assert told == [5, 7, "forget"]
