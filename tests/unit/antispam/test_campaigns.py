"""The shared table of campaigns, from several processes' view, and whatever becomes of its file."""

from pathlib import Path

import pytest

from mda import binding
from mda.antispam.classifier import Classifier
from mda.binding import CampaignTable

TEXT = " ".join(f"word{number}" for number in range(100))


def bands(text: str) -> tuple[int, ...]:
    raw = f"From: a@example.org\r\nSubject: x\r\n\r\n{text}\r\n".encode()
    score = binding.examine(raw, Classifier().model).spam
    assert score is not None
    return score.bands


def test_near_copies_meet_in_two_tables_over_one_file(tmp_path: Path) -> None:
    one, other = CampaignTable(tmp_path / "table"), CampaignTable(tmp_path / "table")
    first = one.meet(bands(TEXT), 6e8)
    second = other.meet(bands(TEXT + " friday"), 6e8)
    assert first is not None
    assert second is not None
    assert (first.count, second.count) == (1, 2)
    assert first.id == second.id


def test_short_notes_belong_to_none(tmp_path: Path) -> None:
    assert CampaignTable(tmp_path / "table").meet(bands("thank you")) is None


def test_truncated_file_forgets(tmp_path: Path) -> None:
    table = CampaignTable(tmp_path / "table")
    table.meet(bands(TEXT), 6e8)
    (tmp_path / "table").write_bytes(b"x")
    again = table.meet(bands(TEXT), 6e8)
    assert again is not None
    assert again.count == 1


def test_closed_table_counts_nothing(tmp_path: Path) -> None:
    table = CampaignTable(tmp_path / "table")
    table.close()
    table.close()
    assert [table.meet(bands(TEXT)).count for _ in range(2)] == [1, 1]  # type: ignore[union-attr]


def test_place_that_can_not_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        CampaignTable(tmp_path / "missing" / "table")
