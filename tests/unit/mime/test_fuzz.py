"""The fuzz targets build, start from the samples and find nothing in a moment; `make fuzz` takes longer."""

import subprocess
from pathlib import Path

from tests.requirements import require

FUZZ = Path(__file__).parents[3] / "fuzz"
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in FUZZ.glob("fuzz_*.c"))


def test_nothing_is_found_in_a_moment(tmp_path: Path) -> None:
    probe = subprocess.run(["sh", str(FUZZ / "has_libfuzzer.sh")], check=False)
    require(probe.returncode == 0, "clang with libFuzzer", "apt-get install clang libclang-rt-dev")
    done = subprocess.run(
        ["sh", str(FUZZ / "run.sh"), str(tmp_path / "fuzz"), "5"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    executed = {name: int(count) for name, count in (line.split() for line in done.stdout.splitlines())}
    assert sorted(executed) == TARGETS
    assert min(executed.values()) > 10, "a machine that is busy has come to few, but to some"


def test_each_target_has_a_dictionary() -> None:
    assert len(TARGETS) > 8
    assert sorted(path.stem for path in FUZZ.glob("*.dict")) == TARGETS
