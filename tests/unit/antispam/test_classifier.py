"""Verdicts on whole messages with the package's own model, and what becomes of a bad model file."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from msgspec import structs

from mda import binding
from mda.antispam.classifier import Classifier
from mda.antispam.training import FULL_VIEW
from mda.antispam.verdict import Category, Reason, Verdict, heaviest
from mda.errors import InvalidValue, MdaError, SettingsError
from mda.weights import HEADER_BYTES, Weights, pack

MAIL = Path(__file__).parent / "mail"
HAM = sorted((MAIL / "ham").glob("*.eml"))
SPAM = sorted((MAIL / "spam").glob("*.eml"))
SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.eml"))
THRESHOLD = 0.95


def verdict_of(path: Path, classifier: Classifier | None = None) -> Verdict:
    classifier = classifier or Classifier()
    return classifier.judge(binding.examine(path.read_bytes(), classifier.model).spam, THRESHOLD)


def flat_model(weight: int = 0, **changes: Any) -> Weights:
    pairs = bytes([weight & 0xFF, 0]) * 1024
    flat = Weights(binding.FEATURE_VERSION, 10, 1, 1.0, 0.0, 0.0, 1.0, 0.0, 0.95, FULL_VIEW, 0.2, pairs)
    return replace(flat, **changes)


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(pack(flat_model(1)))
    return path


def test_there_is_mail_to_judge() -> None:
    assert len(HAM) >= 10
    assert len(SPAM) >= 4


@pytest.mark.parametrize("path", HAM, ids=lambda path: path.stem)
def test_plain_everyday_mail_is_not_spam(path: Path) -> None:
    verdict = verdict_of(path)
    assert not verdict.is_spam
    assert verdict.score < 0.9


@pytest.mark.parametrize("path", SPAM, ids=lambda path: path.stem)
def test_plain_spam_is_spam(path: Path) -> None:
    verdict = verdict_of(path)
    assert verdict.is_spam
    assert verdict.score > 0.98


def test_the_projects_samples_fall_on_their_side() -> None:
    classifier = Classifier()
    found = {path.stem for path in SAMPLES if verdict_of(path, classifier).is_spam}
    assert found == {path.stem for path in SAMPLES if path.stem.startswith("spam_")} != set()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_what_is_learned_from_is_what_is_scored(path: Path) -> None:
    model = Classifier().model
    scored = binding.examine(path.read_bytes(), model).spam
    assert scored is not None
    assert model.score(binding.features(path.read_bytes())).probability == scored.probability


def test_threads_share_a_model() -> None:
    classifier = Classifier()
    raws = [path.read_bytes() for path in HAM + SPAM] * 20
    alone = [binding.examine(raw, classifier.model).spam for raw in raws]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda raw: binding.examine(raw, classifier.model).spam, raws))
    assert together == alone


@pytest.mark.parametrize("path", HAM + SPAM, ids=lambda path: path.stem)
def test_lf_line_ends_do_not_change_the_side(path: Path) -> None:
    classifier = Classifier()
    raw = path.read_bytes().replace(b"\r\n", b"\n")
    verdict = classifier.judge(binding.examine(raw, classifier.model).spam, THRESHOLD)
    assert verdict.is_spam == (path in SPAM)


def test_reasons_are_ordered_and_add_up() -> None:
    verdict = verdict_of(MAIL / "spam" / "pills.eml")
    sizes = [abs(reason.weight) for reason in verdict.reasons]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == binding.TOP_CONTRIBUTIONS
    assert all(reason.category is Category(reason.feature_id >> 28) for reason in verdict.reasons)
    assert {found.category for found in verdict.categories} >= {Category.BODY_WORDS, Category.URLS, Category.HTML_SHAPE}
    assert max(verdict.categories, key=lambda found: found.weight).category in (Category.BODY_TEXT, Category.BODY_WORDS)


@pytest.mark.parametrize("added", [(), (Reason(None, 0, 0.0001, "author"),), (Reason(None, 0, -99.0, "author"),)])
def test_the_heaviest_are_the_first_reasons(added: tuple[Reason, ...]) -> None:
    verdict = structs.replace(verdict_of(SPAM[0]), added=added)
    for count in (1, 3, 99):
        found = binding.contributions_of(verdict.found.evidence(count))
        kept = heaviest(found, verdict.beside_the_model(), count)
        assert kept == tuple((one.label, one.weight) for one in verdict.reasons[:count])


def test_categories_sum_to_the_score(model_path: Path) -> None:
    model_path.write_bytes(pack(flat_model(3, scale=0.01, slope=0.5, floor=10.0, bias=0.25, intercept=-0.5)))
    model = binding.Model(model_path)
    score = binding.examine(HAM[0].read_bytes(), model).spam
    assert score is not None
    n = score.feature_count
    assert score.margin == pytest.approx(0.25 + 0.03 * n / (n + 10.0) ** 0.5, rel=1e-5)
    assert sum(score.categories) == pytest.approx(0.5 * (score.margin - 0.25), rel=1e-5)


def test_verdict_names_its_model(model_path: Path) -> None:
    classifier = Classifier(model_path)
    verdict = verdict_of(HAM[0], classifier)
    assert verdict.model_version == classifier.model.version
    assert len(verdict.model_version) == 12
    assert verdict.feature_version == binding.FEATURE_VERSION


def test_threshold_is_inclusive(model_path: Path) -> None:
    model_path.write_bytes(pack(flat_model(0)))
    classifier = Classifier(model_path)
    score = binding.examine(HAM[0].read_bytes(), classifier.model).spam
    assert classifier.judge(score, 0.5).is_spam
    assert not classifier.judge(score, 0.5001).is_spam


def test_message_examined_without_model_has_no_verdict() -> None:
    with pytest.raises(InvalidValue, match="without a spam model"):
        Classifier().judge(binding.examine(b"Subject: x\r\n\r\ny\r\n").spam, THRESHOLD)


def test_model_that_replaces_another_is_read_beside_it(model_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        classifier, gate = Classifier(model_path, background=pool), Event()
        first = classifier.model
        pool.submit(gate.wait, 10)
        newer = model_path.with_suffix(".new")
        newer.write_bytes(pack(flat_model(2)))
        newer.replace(model_path)
        assert classifier.model is first
        assert classifier.model is first
        gate.set()
        pool.submit(int).result()  # behind the reading, as there is one thread
        assert classifier.model.version != first.version


def test_trouble_that_nobody_thought_of_is_told(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as pool:
        classifier = Classifier(model_path, background=pool)
        first = classifier.model

        def fail(*_: object) -> None:
            raise MemoryError

        monkeypatch.setattr("mda.antispam.classifier.Model", fail)
        newer = model_path.with_suffix(".new")
        newer.write_bytes(pack(flat_model(2)))
        newer.replace(model_path)
        assert classifier.model is first
        pool.submit(int).result()
        assert classifier.model is first
        assert "could not be read: MemoryError()" in str(classifier.trouble)


def test_replaced_file_is_taken(model_path: Path) -> None:
    classifier = Classifier(model_path)
    before = classifier.model
    assert classifier.model is before
    fresh = model_path.with_suffix(".new")
    fresh.write_bytes(pack(flat_model(2)))
    fresh.rename(model_path)
    assert classifier.model is not before
    assert classifier.trouble is None


def test_a_file_is_looked_at_no_more_often_than_asked(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    classifier = Classifier(model_path, look_seconds=1.0)
    before = classifier.model
    fresh = model_path.with_suffix(".new")
    fresh.write_bytes(pack(flat_model(2)))
    fresh.rename(model_path)
    now += 0.9
    classifier.model  # noqa: B018 - it looks
    now += 0.09
    assert classifier.model is before
    now += 0.02
    assert classifier.model is not before


def damaged(content: bytes) -> dict[str, bytes]:
    flipped = bytearray(content)
    flipped[HEADER_BYTES + 7] ^= 1
    return {
        "empty": b"",
        "truncated": content[:-1],
        "header only": content[:HEADER_BYTES],
        "padded": content + b"\0",
        "flipped": bytes(flipped),
        "other magic": b"X" + content[1:],
        "other format": content[:8] + b"\x01" + content[9:],
        "other features": content[:12] + b"\xff" + content[13:],
        "not a number": pack(flat_model(1, scale=float("nan"))),
        "too many bits": content[:16] + b"\x20" + content[17:],
    }


@pytest.mark.parametrize("kind", list(damaged(pack(flat_model(1)))))
def test_bad_file_is_refused_and_the_old_model_stays(model_path: Path, kind: str) -> None:
    classifier = Classifier(model_path)
    before = classifier.model
    bad = damaged(model_path.read_bytes())[kind]
    model_path.write_bytes(bad)
    assert classifier.model is before
    assert isinstance(classifier.trouble, InvalidValue)
    assert str(model_path) in str(classifier.trouble)
    with pytest.raises(InvalidValue):
        binding.Model(model_path)


def test_vanished_file_keeps_the_model_and_says_so(model_path: Path) -> None:
    classifier = Classifier(model_path)
    before = classifier.model
    model_path.unlink()
    assert classifier.model is before
    assert isinstance(classifier.trouble, SettingsError)
    model_path.write_bytes(pack(flat_model(5)))
    assert classifier.model is not before
    assert classifier.trouble is None


def test_missing_model_is_an_mda_error_until_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "none.bin"
    classifier = Classifier(path)
    for _ in range(2):
        with pytest.raises(MdaError, match=r"none\.bin"):
            _ = classifier.model
    path.write_bytes(pack(flat_model(1)))
    assert classifier.model.version


def test_folder_in_place_of_a_model_is_an_mda_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        _ = Classifier(tmp_path).model
