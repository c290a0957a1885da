"""mda.cli.quantities: sizes and dates as people write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mda.cli.quantities import parse_moment, parse_size
from mda.sizes import format_size

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("0", 0),
        ("1000", 1000),
        ("5GB", 5_000_000_000),
        ("500 MB", 500_000_000),
        ("500mb", 500_000_000),
        (" 1.5 GiB ", 1_610_612_736),
        ("1k", 1000),
        ("1KiB", 1024),
        ("2T", 2_000_000_000_000),
        ("10 b", 10),
        ("none", None),
        ("Unlimited", None),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_size_is_read(text: str, octets: int | None) -> None:
    assert parse_size(text) == octets


@pytest.mark.parametrize(
    "text",
    ["", "GB", "-1", "+1", "1e9", "5XB", "5 G B", "1,5GB", "five", "1.", "٥GB", "9223372036854775808", "9999999TB"],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|counted"):
        parse_size(text)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (None, "none"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (9_940, "9.9 KB"),
        (9_960, "10 KB"),
        (999_499, "999 KB"),
        (999_500, "1.0 MB"),
        (5_000_000_000, "5.0 GB"),
        (10**15, "1000 TB"),
    ],
)
def test_size_is_written_short(octets: int | None, text: str) -> None:
    assert format_size(octets) == text


@given(st.integers(0, 10**15))
def test_written_size_is_near_and_reads_back(octets: int) -> None:
    text = format_size(octets)
    assert len(text) <= 7
    read = parse_size(text)
    assert read is not None
    assert abs(read - octets) <= 0.06 * octets


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", datetime(2026, 11, 16, 12, 0, tzinfo=UTC)),
        ("36h", datetime(2026, 11, 22, 0, 0, tzinfo=UTC)),
        ("2w", datetime(2026, 11, 9, 12, 0, tzinfo=UTC)),
        ("2026-11-01T08:30:00+02:00", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        ("2026-11-01T08:30:00Z", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1).astimezone()),  # midnight here
    ],
)
def test_moment_is_read(text: str, moment: datetime) -> None:
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "soon", "7", "7m", "-7d", "2026-13-01", "99999999999d", "2026-11-01T25:00"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|ago"):
        parse_moment(text, NOW)
