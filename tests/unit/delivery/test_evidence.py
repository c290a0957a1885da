"""What a recipient knows beside the model, and that trouble with it holds no mail up."""

import pytest
from msgspec.structs import astuple, replace

from mda import binding
from mda.antispam import personal
from mda.antispam.authentication import Proof
from mda.antispam.verdict import Verdict
from mda.binding import LearnedMark, SpamScore
from mda.delivery import evidence
from mda.delivery.author import Author
from mda.delivery.inspect import Inspection, inspect
from mda.metadata.directory.resolve import Target
from tests.unit.delivery.test_plan import make_target

RAW = b"From: Ben <ben@example.net>\r\nSubject: Cheap watches\r\n\r\nBuy cheap watches today.\r\n"
MODELS = Verdict(False, 0.5, 0.9, SpamScore(bytes(1000), "1"), "1", 1)
BEN = inspect(RAW, None).author().address
VIEW = binding.view(binding.features(RAW))


def weigh(target: Target, proof: Proof = Proof.NONE, front: bool | None = None, front_weight: float = 2.0) -> Verdict:
    inspection = replace(inspect(RAW, None), known_author=Author(BEN, proof, front), has_witness=True)
    return evidence.weigh(MODELS, target, inspection, "ben@example.net", front_weight)


def taught(*marks: LearnedMark, writes_to: tuple[str, ...] = ()) -> Target:
    return make_target(user_weights=personal.pack(personal.learn(1, marks, writes_to)))


def test_nothing_known_changes_nothing() -> None:
    assert weigh(make_target()) is MODELS
    assert weigh(taught()) is MODELS


def test_marks_decide_the_verdict() -> None:
    spam = weigh(taught(LearnedMark(VIEW, 0.0, is_spam=True)))
    assert spam.is_spam
    assert spam.reasons[0].label == "marks"
    assert not weigh(taught(LearnedMark(VIEW, 5.0, is_spam=False))).is_spam


@pytest.mark.parametrize(("proof", "is_less"), [(Proof.PASSED, True), (Proof.NONE, False), (Proof.FAILED, False)])
def test_correspondent_counts_where_proven(proof: Proof, is_less: bool) -> None:
    assert (weigh(taught(writes_to=("ben@example.net",)), proof).score < 0.5) is is_less


@pytest.mark.parametrize(("front", "score"), [(True, 0.88), (False, 0.38), (None, 0.5)])
def test_filter_in_front_is_evidence(front: bool | None, score: float) -> None:
    assert weigh(make_target(), front=front).score == pytest.approx(score, abs=0.01)
    assert weigh(make_target(), front=front, front_weight=0.0).score == 0.5


def test_failed_dmarc_speaks_for_spam() -> None:
    assert weigh(make_target(), Proof.FAILED).score > 0.5


@pytest.mark.parametrize("raw", [b"", b"x", bytes(200), b"\xff" * 200])
def test_weights_that_are_garbage_say_nothing(raw: bytes) -> None:
    assert weigh(make_target(user_weights=raw)) is MODELS


def test_trouble_leaves_the_models_verdict() -> None:
    class Broken(Inspection):
        def author(self) -> Author:
            raise RuntimeError

    broken = Broken(*astuple(inspect(RAW, None)))
    broken.has_witness = True
    assert evidence.weigh(MODELS, make_target(), broken, "", 0.0) is MODELS
