"""Trials on labelled mail: the index, the views, and that learning pays."""

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from mda.antispam import trial
from mda.antispam.classifier import Classifier
from mda.antispam.evaluation import lam_percent, separate
from mda.antispam.training import seen_through
from mda.antispam.trial import Entry, View
from mda.binding import campaign_features, features
from mda.cli.spam_evaluate import evaluate
from mda.errors import InvalidValue

PEOPLE = ["garden", "roses", "club", "friday", "plants", "meeting", "anne", "jan", "soil", "seeds"]
OFFERS = ["prize", "winner", "claim", "money", "urgent", "transfer", "lottery", "casino", "bonus", "pills"]


def write(folder: Path, count: int, seed: int = 1) -> Path:
    """An index of `count` mails, half of them spam, most words of which stand in both kinds."""
    choose = random.Random(seed)
    lines = []
    for number in range(count):
        is_spam = number % 2 == 1
        words = choose.choices(OFFERS if is_spam else PEOPLE, k=6) + choose.choices(PEOPLE + OFFERS, k=8)
        choose.shuffle(words)
        text = f"From: a{number}@example.org\nX-Mailer: {'bulk' if is_spam else 'mutt'}\nSubject: {words[0]}\n\n"
        (folder / f"{number}.eml").write_text(text + " ".join(words) + "\n")
        lines.append(f"{'spam' if is_spam else 'HAM'} {number}.eml")
    index = folder / "index"
    index.write_text("\n".join(lines) + "\n\n")
    return index


def test_learning_pays(tmp_path: Path) -> None:
    done = trial.learn(trial.read_index(write(tmp_path, 200)), View.FULL, None, None, 0.005)
    late = separate((outcome.margin, outcome.is_spam) for outcome in done.outcomes[100:])
    assert late.one_minus_roca_percent < 5
    assert done.outcomes[0].margin == 0
    assert sum(outcome.is_marked for outcome in done.outcomes[100:] if not outcome.is_spam) <= 5


def test_a_model_gives_a_start(tmp_path: Path) -> None:
    entries = trial.read_index(write(tmp_path, 40))
    model = Classifier().model
    ids = features(trial.viewed(entries[0].path.read_bytes(), View.LITE)) + campaign_features(1)
    alone = model.score(seen_through(View.LITE.categories, ids)).margin
    assert alone != model.score(ids).margin
    assert alone != 0
    first = trial.learn(entries, View.LITE, model, 0.0, 0.005).outcomes[0]
    assert first.margin == pytest.approx(trial.TRUST * alone, abs=1e-6)


def test_what_a_lite_view_leaves() -> None:
    raw = (
        b"From x\r\nReceived: a\r\n\tb\r\nSubject: s\r\n t\r\nX-Mailer: m\r\nContent-Type: text/plain\r\n\r\nX-Y: z\r\n"
    )
    assert trial.viewed(raw, View.LITE) == b"Subject: s\r\n t\r\nContent-Type: text/plain\r\n\r\nX-Y: z\r\n"
    assert trial.viewed(raw, View.FULL) == raw.removeprefix(b"From x\r\n")
    assert trial.viewed(b"Subject: s", View.LITE) == b"Subject: s"
    assert trial.viewed(b"", View.LITE) == b""


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("spam a\nmaybe b\n", "line 2: 'maybe b'"),
        ("spam a\nham\n", "line 2: 'ham'"),
        ("spam a\n", "both spam and ham"),
        ("", "both spam and ham"),
    ],
)
def test_a_bad_index_is_named(tmp_path: Path, lines: str, said: str) -> None:
    (tmp_path / "index").write_text(lines)
    with pytest.raises(InvalidValue, match=said):
        trial.read_index(tmp_path / "index")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="index: No such file"):
        trial.read_index(tmp_path / "index")
    with pytest.raises(InvalidValue, match="gone: No such file"):
        trial.learn([Entry(True, tmp_path / "gone")], View.FULL, None, None, 0.005)


def test_lam_is_the_logistic_average() -> None:
    assert lam_percent(1.0, 1.0) == pytest.approx(1.0)
    assert lam_percent(0.1, 10.0) == pytest.approx(1.043, abs=0.001)
    assert lam_percent(0.0, 5.0) == 0.0


def test_the_command_says_it_all(tmp_path: Path) -> None:
    index, picture = write(tmp_path, 120), tmp_path / "curve.png"
    run = CliRunner().invoke(evaluate, ["--index", str(index), "--online", "--json", "--plot", str(picture)])
    assert run.exit_code == 0, run.output
    found = json.loads(run.output)
    assert (found["messages"], found["spam"], found["ham"]) == (120, 60, 60)
    assert found["one_minus_roca_percent"] == found["curve"][-1]["one_minus_roca_percent"]
    assert {"recall_percent_at_0.1", "lam_percent", "messages_per_second"} <= found.keys()
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_text_output(tmp_path: Path) -> None:
    index = write(tmp_path, 40)
    run = CliRunner().invoke(evaluate, ["--index", str(index), "--view", "lite"])
    assert run.exit_code == 0, run.output
    assert run.output.startswith("lite view, not learning\n40 messages: 20 spam, 20 ham\n1-ROCA% ")
    assert max(map(len, run.output.splitlines())) < 80


def test_fresh_needs_learning(tmp_path: Path) -> None:
    run = CliRunner().invoke(evaluate, ["--index", str(write(tmp_path, 4)), "--fresh"])
    assert run.exit_code == 2
    assert "--online" in run.output
