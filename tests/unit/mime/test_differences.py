"""What the library and the parser make of real mail: each difference is of a class that docs/mime-differences.md
explains."""

from pathlib import Path

from mda.mime.defects import Defect
from tests.requirements import require
from tools.mime_comparison import RULES, Difference, classify, compare

ROOT = Path(__file__).parents[3]
CORPUS = sorted((ROOT / "build" / "corpus").glob("*/*.eml"))


def test_differences_on_the_corpus_are_explained() -> None:
    require(bool(CORPUS), "the corpus of real mails", "make corpus")
    found = [difference for path in CORPUS[::8] for difference in compare(path.read_bytes())]
    assert [difference for difference in found if classify(difference) is None] == []
    assert len(found) > 50


def test_the_document_names_the_classes_that_occur() -> None:
    document = (ROOT / "docs" / "mime-differences.md").read_text("utf-8")
    named = {line.split("|")[1].strip() for line in document.splitlines() if line.startswith("| ")} - {"class"}
    assert named <= {name for name, _ in RULES}
    assert len(named) >= 15


def test_a_difference_without_a_reason_is_found() -> None:
    assert [*compare(b"Subject: a\r\n\r\nx")] == []
    assert classify(Difference("subject", "a", "b", b"a", Defect(0))) is None
