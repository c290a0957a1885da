"""mda.identifiers: positive, 64-bit, time-ordered, unique across threads, and written as 16 hexadecimal digits."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mda.identifiers import COUNTER_BITS, IdentifierSource, created_at, format_id, parse_id


def test_ids_are_positive_bigints_of_now() -> None:
    identifier = IdentifierSource().next()
    assert 0 < identifier < 2**63
    assert abs(created_at(identifier) - datetime.now(UTC)) < timedelta(seconds=5)


def test_ids_fit_until_2089() -> None:
    assert datetime(2089, 1, 1, tzinfo=UTC) < created_at(2**63 - 1) < datetime(2090, 1, 1, tzinfo=UTC)


def test_one_source_strictly_increases() -> None:
    source = IdentifierSource()
    ids = [source.next() for _ in range(10_000)]
    assert ids == sorted(set(ids))


def test_one_source_increases_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    source = IdentifierSource()
    before = source.next()
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3_600_000_000_000)
    assert before < source.next() < source.next()


def test_ids_are_positive_before_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 60_000_000_000)
    source = IdentifierSource()
    first, second = source.next(), source.next()
    assert 0 <= first < second < 2**63
    assert parse_id(format_id(first)) == first


def test_threads_never_share_an_id() -> None:
    source = IdentifierSource()
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: [source.next() for _ in range(2_000)], range(8)))
    assert len({identifier for run in runs for identifier in run}) == 16_000


def test_two_sources_in_one_millisecond_seldom_meet() -> None:
    ids = [IdentifierSource().next() for _ in range(500)]
    assert len(set(ids)) == 500


@given(st.integers(0, 2**63 - 1))
def test_written_form_is_16_digits_and_reads_back(identifier: int) -> None:
    text = format_id(identifier)
    assert len(text) == 16
    assert parse_id(text) == parse_id(text.upper()) == identifier


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_written_forms_sort_as_the_ids(one: int, other: int) -> None:
    assert (format_id(one) < format_id(other)) == (one < other)


@pytest.mark.parametrize("text", ["", "g", "0x1f", " 1f", "1f ", "1_f", "-1", "+1", "1" * 17, "١"])
def test_anything_else_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="not a message id"):
        parse_id(text)


def test_processes_of_one_fork_draw_apart() -> None:
    """In the same millisecond they would take the same numbers again and again."""
    source, drawn = IdentifierSource(), set[bytes]()
    for _ in range(2):
        reader, writer = os.pipe()
        if (child := os.fork()) == 0:
            counters = [source.next() & (1 << COUNTER_BITS) - 1 for _ in range(4)]
            os.write(writer, repr(counters[0]).encode())
            os._exit(0)
        os.waitpid(child, 0)
        drawn.add(os.read(reader, 100))
        os.close(reader)
        os.close(writer)
    assert len(drawn) == 2
