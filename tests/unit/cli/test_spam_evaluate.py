"""`mda spam evaluate`: labelled mail in, the measures of the TREC Spam Track out."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mda.cli.main import root

MAIL = Path(__file__).parents[1] / "antispam" / "mail"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    lines = [f"{kind} {path}" for kind in ("ham", "spam") for path in sorted((MAIL / kind).glob("*.eml"))]
    file = tmp_path / "index"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("how", [(), ("--online",), ("--online", "--fresh", "--view", "lite")], ids=" ".join)
def test_measures_add_up(index: Path, how: tuple[str, ...]) -> None:
    done = CliRunner().invoke(root, ["spam", "evaluate", "--index", str(index), "--json", *how])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["messages"] == found["ham"] + found["spam"] == len(index.read_text().splitlines())
    assert (found["online"], found["base"]) == ("--online" in how, "--fresh" not in how)
    assert 0 <= found["one_minus_roca_percent"] <= 100
    assert 0 <= found["ham_misclassified_percent"] <= 100


def test_nothing_known_and_nothing_learned_is_refused(index: Path) -> None:
    done = CliRunner().invoke(root, ["spam", "evaluate", "--index", str(index), "--fresh"])
    assert done.exit_code == 2
    assert "--online" in done.stderr


def test_told_in_words(index: Path) -> None:
    done = CliRunner().invoke(root, ["spam", "evaluate", "--index", str(index), "--online"])
    assert "full view, learning, from the base model" in done.stdout
