"""Training and calibration on mail made here: what is learned, that it is repeatable, and what the score means."""

import math
import random

import pytest

from mda import binding
from mda.antispam import training
from mda.antispam.training import FULL_VIEW, LITE_VIEW, Example, Recipe
from mda.antispam.verdict import Category
from mda.binding import Learner
from mda.errors import InvalidValue
from mda.weights import Weights, pack, unpack

SMALL = Recipe(bits=14)
HAM_WORDS = ["meeting", "budget", "minutes", "report", "project", "review", "schedule", "colleagues", "garden", "train"]
SPAM_WORDS = ["winner", "prize", "casino", "pills", "bonus", "lottery", "click", "guaranteed", "cheap", "unlimited"]
COMMON = ["the", "a", "to", "and", "for", "with", "you", "we", "this", "that", "on", "at"]


def message(generator: random.Random, is_spam: bool) -> bytes:
    own = SPAM_WORDS if is_spam else HAM_WORDS
    words = generator.choices(own, k=6) + generator.choices(COMMON, k=20)
    generator.shuffle(words)
    return f"From: x@example.com\r\nSubject: {words[0]}\r\n\r\n{' '.join(words)}\r\n".encode()


def examples(seed: int, count: int = 60) -> list[Example]:
    generator = random.Random(seed)
    return [Example(binding.features(message(generator, index % 2 == 0)), index % 2 == 0) for index in range(count)]


def test_unseen_mail_falls_on_its_side() -> None:
    trained = training.train(examples(1), SMALL)
    for example in examples(2):
        assert (trained.margin(example.features) > 0) == example.is_spam


def test_same_examples_give_the_same_bytes() -> None:
    calibration = training.Calibration(1.0, 0.0)
    first, second = (pack(training.quantise(training.train(examples(1), SMALL), calibration)) for _ in range(2))
    assert first == second
    other = pack(training.quantise(training.train(examples(3), SMALL), calibration))
    assert first != other


def test_quantised_model_agrees_with_the_learners(tmp_path_factory: pytest.TempPathFactory) -> None:
    trained = training.train(examples(1), SMALL)
    path = tmp_path_factory.mktemp("model") / "model.bin"
    path.write_bytes(pack(training.quantise(trained, training.Calibration(0.7, -0.3))))
    model = binding.Model(path)
    for example in examples(2):
        exact = trained.margin(example.features)
        score = model.score(example.features)
        assert score.margin == pytest.approx(exact, abs=0.25)
        assert score.probability == pytest.approx(1 / (1 + math.exp(-(0.7 * score.margin - 0.3))), rel=1e-4)


def test_training_needs_both_classes() -> None:
    with pytest.raises(InvalidValue, match="both"):
        training.train([example for example in examples(1) if example.is_spam], SMALL)


def test_threshold_falls_at_the_wanted_false_positives() -> None:
    generator = random.Random(5)
    pairs = [(generator.gauss(-4, 2), False) for _ in range(4000)] + [
        (generator.gauss(4, 2), True) for _ in range(2000)
    ]
    calibration = training.calibrate(pairs)
    ham = [calibration.score(margin) for margin, is_spam in pairs if not is_spam]
    assert sum(score >= 0.95 for score in ham) == 20
    assert calibration.slope > 0


def test_score_is_a_probability_where_classes_overlap() -> None:
    generator = random.Random(6)
    margins = [generator.uniform(-6, 6) for _ in range(20000)]
    pairs = [(margin, generator.random() < 1 / (1 + math.exp(-margin))) for margin in margins]
    recipe = Recipe(target_false_positives=sum(m > math.log(19) and not y for m, y in pairs) / 10000)
    calibration = training.calibrate(pairs, recipe)
    for low in (0.2, 0.4, 0.6, 0.8):
        inside = [is_spam for margin, is_spam in pairs if low <= calibration.score(margin) < low + 0.1]
        assert sum(inside) / len(inside) == pytest.approx(low + 0.05, abs=0.07)


def test_held_out_margins_come_from_models_that_have_not_seen_the_group() -> None:
    groups = [examples(1, 20), examples(2, 20)]
    margins = list(training.held_out_margins(groups, SMALL, (FULL_VIEW,)))
    alone = training.train(groups[1], SMALL)
    assert [margin for margin, _ in margins[:20]] == [alone.margin(example.features) for example in groups[0]]


def test_lite_view_covers_the_other_headers() -> None:
    learner = Learner(12, 10.0, (0.2, 1.0), 0.2)
    plain = binding.features(b"Subject: a\r\nX-Mailer: one two\r\n\r\ntext\r\n")
    other = binding.features(b"Subject: a\r\nX-Agent: six seven\r\n\r\ntext\r\n")
    learner.step(plain, FULL_VIEW, True)
    assert learner.margin(plain, LITE_VIEW) == learner.margin(other, LITE_VIEW)
    assert learner.margin(plain, FULL_VIEW) != learner.margin(other, FULL_VIEW)


def test_categories_are_those_of_the_core() -> None:
    raw = b"From: a@b.example\r\nTo: c@d\r\nSubject: hello there\r\nX-Mailer: mutt\r\n\r\nsee http://e.example/\r\n"
    seen = {Category(feature >> 28) for feature in memoryview(binding.features(raw)).cast("I")}
    assert {Category.SUBJECT, Category.SENDER, Category.RECIPIENT, Category.HEADER_WORDS, Category.URLS} <= seen
    assert Category.ATTACHMENTS not in seen
    assert Category.HTML_SHAPE not in seen


def test_learner_refuses_senseless_sizes() -> None:
    for bits in (0, 25):
        with pytest.raises(InvalidValue):
            Learner(bits, 1.0, (0.2, 1.0), 0.2)


def test_weights_survive_packing() -> None:
    before = Weights(3, 4, 7, 0.5, -0.25, 64.0, 2.0, 1.0, 0.75, 5, 0.25, bytes(range(32)))
    after = unpack(pack(before), 3, "x")
    assert (after.bits, after.messages, after.scale, after.bias, after.threshold) == (4, 7, 0.5, -0.25, 0.75)
    assert (after.categories, after.share) == (5, 0.25)
    assert after.raw_weights == before.raw_weights
    assert len(after.version) == 12
    with pytest.raises(InvalidValue, match="features 3"):
        unpack(pack(before), 4, "x")


def test_doubt_draws_what_is_learned_towards_0_and_leaves_the_prior() -> None:
    sure, doubtful = (Learner(10, 0.0, (0.2, 1.0), 0.2, 0.5, 16, doubt) for doubt in (0.0, 2.0))
    mail = examples(1, 8)
    assert doubtful.margin(mail[0].features, FULL_VIEW, prior=3.0) == 1.5
    for seen, example in enumerate(mail):
        for learner in (sure, doubtful):
            learner.step(example.features, FULL_VIEW, example.is_spam)
            learner.count(example.features, FULL_VIEW, example.is_spam)
        rarer = (seen + 1) // 2
        whole, drawn = (learner.margin(mail[0].features, FULL_VIEW) for learner in (sure, doubtful))
        assert drawn == pytest.approx(whole * rarer / (rarer + 2))
    assert drawn != 0
