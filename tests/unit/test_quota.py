"""The arithmetic of quotas."""

from dataclasses import dataclass

import pytest

from mda import quota


@dataclass(frozen=True, slots=True)
class Usage:
    quota_bytes: int | None = None
    quota_messages: int | None = None
    used_bytes: int = 0
    used_messages: int = 0


@pytest.mark.parametrize(
    ("usage", "size", "grace", "is_taken"),
    [
        (Usage(), 10**12, 0, True),
        (Usage(1000, used_bytes=900), 100, 0, True),
        (Usage(1000, used_bytes=900), 101, 0, False),
        (Usage(1000, used_bytes=900), 200, 10, True),  # the last one may go beyond
        (Usage(1000, used_bytes=900), 201, 10, False),
        (Usage(1000, used_bytes=999), 101, 10, True),
        (Usage(1000, used_bytes=1000), 1, 10, False),  # and no other after it
        (Usage(1000, used_bytes=1000), 0, 10, False),
        (Usage(0), 0, 100, False),
        (Usage(None, 3, used_messages=2), 10**9, 0, True),
        (Usage(None, 3, used_messages=3), 0, 100, False),  # grace is of the bytes alone
        (Usage(1000, 3, used_messages=3), 1, 0, False),
    ],
)
def test_what_is_taken(usage: Usage, size: int, grace: int, is_taken: bool) -> None:
    assert quota.takes(usage, size, grace) is is_taken


@pytest.mark.parametrize(
    ("usage", "percent", "is_reached"),
    [
        (Usage(1000, used_bytes=899), 90, False),
        (Usage(1000, used_bytes=900), 90, True),
        (Usage(None, 10, used_bytes=10**9, used_messages=8), 90, False),
        (Usage(1000, 10, used_messages=9), 90, True),
        (Usage(1000, 10, used_bytes=899, used_messages=8), 90, False),
        (Usage(1000, 10, used_bytes=900, used_messages=8), 90, True),
        (Usage(1000, 10, used_bytes=800, used_messages=9), 90, True),
        (Usage(1000, used_bytes=5000), quota.NEVER, False),
        (Usage(0, 0), 90, False),
        (Usage(), 90, False),
    ],
)
def test_when_a_soft_limit_is_reached(usage: Usage, percent: int, is_reached: bool) -> None:
    assert quota.is_reached(usage, percent) is is_reached


@pytest.mark.parametrize(
    ("usage", "percent"),
    [
        (Usage(), None),
        (Usage(1000, used_bytes=999), 99),
        (Usage(1000, 10, used_bytes=500, used_messages=9), 90),
        (Usage(None, 0), 100),
    ],
)
def test_how_full(usage: Usage, percent: int | None) -> None:
    assert quota.percent(usage) == percent
