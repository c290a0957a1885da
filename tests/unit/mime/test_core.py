"""The parser's own C tests, under AddressSanitizer and UndefinedBehaviorSanitizer; and that what Python says of the C
core is what C says."""

import subprocess
from pathlib import Path

from mda.binding import examine
from mda.mime.defects import Defect, names

ROOT = Path(__file__).parents[3]


def test_c_tests(tmp_path: Path) -> None:
    run = subprocess.run(
        ["sh", str(ROOT / "tests/c/mime/run.sh"), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "prefixes" in run.stdout
    assert "mutations" in run.stdout


def test_defects_are_those_of_the_core() -> None:
    header = (ROOT / "csrc/mime/mime.h").read_text()
    numbers = {}
    for line in header.splitlines():
        words = line.split()
        if words and words[0].startswith("MIME_DEFECT_") and words[0] != "MIME_DEFECT_COUNT":
            numbers[words[0].removeprefix("MIME_DEFECT_")] = int(words[2].split(",")[0].split("/")[0])
    assert {defect.name: defect.value.bit_length() - 1 for defect in Defect} == numbers
    assert names(Defect.NUL | Defect.NO_BOUNDARY) == ("NO_BOUNDARY", "NUL")


def test_nothing_stays_from_the_message_before() -> None:
    """Contexts are kept from one message to the next."""
    raws = [path.read_bytes() for path in sorted((ROOT / "tests" / "samples").glob("*.eml"))]
    alone = [[examine(raw), examine(raw)][1] for raw in raws]
    for first in raws:
        for second, expected in zip(raws, alone, strict=True):
            examine(first)
            assert examine(second) == expected
