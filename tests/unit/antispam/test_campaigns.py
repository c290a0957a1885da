"""The shared table of campaigns, from several processes' view, whatever becomes of its file; and what the model learns
of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from mda import binding
from mda.antispam.classifier import Classifier
from mda.antispam.training import FULL_VIEW
from mda.antispam.verdict import Category
from mda.binding import Campaign, CampaignTable, Model, campaign_features, features
from mda.learning.lesson import Pupil
from mda.metadata.content.spam_reasons import SpamReasons
from mda.weights import pack

TEXT = " ".join(f"word{number}" for number in range(100))


NOW = 6e8


def mail(text: str) -> bytes:
    return f"From: a@example.org\r\nSubject: x\r\n\r\n{text}\r\n".encode()


def met(table: CampaignTable, text: str) -> Campaign | None:
    score = binding.examine(mail(text), Classifier().model, campaigns=table, now=NOW).spam
    assert score is not None
    return score.campaign


def test_near_copies_meet_in_two_tables_over_one_file(tmp_path: Path) -> None:
    one, other = CampaignTable(tmp_path / "table"), CampaignTable(tmp_path / "table")
    first = met(one, TEXT)
    second = met(other, TEXT + " friday")
    assert first is not None
    assert second is not None
    assert (first.count, second.count) == (1, 2)
    assert first.id == second.id


def test_short_notes_belong_to_none(tmp_path: Path) -> None:
    assert met(CampaignTable(tmp_path / "table"), "thank you") is None


def test_truncated_file_forgets(tmp_path: Path) -> None:
    table = CampaignTable(tmp_path / "table")
    met(table, TEXT)
    (tmp_path / "table").write_bytes(b"x")
    again = met(table, TEXT)
    assert again is not None
    assert again.count == 1


def test_closed_table_counts_nothing(tmp_path: Path) -> None:
    table = CampaignTable(tmp_path / "table")
    table.close()
    table.close()
    assert [met(table, TEXT).count for _ in range(2)] == [1, 1]  # type: ignore[union-attr]


def test_place_that_can_not_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        CampaignTable(tmp_path / "missing" / "table")


def campaign_ids(ids: bytes) -> list[int]:
    return [one for one in memoryview(ids).cast("I") if one >> 28 == Category.CAMPAIGN.value]


def test_each_doubling_is_one_more_feature_of_the_message() -> None:
    found = [campaign_ids(features(mail(TEXT), copies)) for copies in (0, 1, 2, 3, 4, 1000)]
    assert [len(one) for one in found] == [0, 1, 2, 2, 3, 8]
    assert found[2] == found[3]
    assert found[-1][:3] == found[4]
    assert set(found[-1]) == set(memoryview(campaign_features(1000)).cast("I"))


def test_learning_finds_what_delivery_has_scored(tmp_path: Path) -> None:
    path = tmp_path / "model"
    raw_weights = bytes(range(1, 129)) * (1 << 14)
    path.write_bytes(pack(replace(Classifier().model.weights, raw_weights=raw_weights, categories=FULL_VIEW)))
    model, table = Model(path), CampaignTable(tmp_path / "table")
    scores = [binding.examine(mail(TEXT), model, campaigns=table, now=NOW).spam for _ in range(5)]
    again = [model.score(features(mail(TEXT), copies)).probability for copies in range(1, 6)]
    assert [one.probability for one in scores if one] == again
    assert again[0] != again[1] != again[3]


def test_base_model_makes_nothing_of_a_campaign() -> None:
    model = Classifier().model
    assert not model.weights.categories & Category.CAMPAIGN.bit
    assert model.score(features(mail(TEXT), 1000)).margin == model.score(features(mail(TEXT))).margin


def test_a_mark_keeps_the_campaign_that_was_delivered() -> None:
    lesson = Pupil().read(1, mail(TEXT), SpamReasons(campaign=(7, 40)))
    assert lesson.campaign == 7
    assert campaign_ids(lesson.view) == sorted(campaign_ids(features(mail(TEXT), 40)))
    assert campaign_ids(Pupil().read(1, mail(TEXT)).view) == []
