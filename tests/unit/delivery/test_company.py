"""How many a batch waits for, and how long."""

from mda.delivery.company import MOST_WAIT_SECONDS, Company


def after(*sizes: int, seconds: float = 0.002) -> Company:
    company = Company()
    for size in sizes:
        company.parted(size, seconds)
    return company


def test_nobody_is_expected_at_first() -> None:
    assert after().expected == 0


def test_who_was_there_is_expected_again() -> None:
    assert after(8).expected == 8
    assert after(*[2] * 50, 8).expected == 8


def test_who_comes_alone_expects_nobody() -> None:
    assert after(*[1] * 50).expected == 1
    assert after(*[1, 1, 1, 2] * 20, 1).expected == 1, "a meeting now and then is no company"


def test_where_most_have_company_a_lone_one_waits_for_some() -> None:
    assert after(*[1, 5, 3] * 20, 1).expected in (2, 3)


def test_a_large_batch_among_lone_messages_is_not_usual() -> None:
    company, waits = Company(), 0
    for size in ([1] * 7 + [64]) * 20:
        waits += size == 1 and company.expected > 1
        company.parted(size, 0.002)
    assert waits <= 20 * 2, "the two behind each of them"


def test_those_who_have_left_are_soon_expected_no_more() -> None:
    assert after(*[64] * 50, *[1] * 9).expected == 1
    assert after(*[8] * 50, 0).expected == 0
    assert after(*[8] * 50, 0, 1).expected == 1


def test_nobody_waits_longer_than_the_last_batch_took_nor_long() -> None:
    assert after(8, seconds=0.002).seconds == 0.002
    assert after(8, seconds=3.0).seconds == MOST_WAIT_SECONDS
