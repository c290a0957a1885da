"""The fuzz targets build, start from the samples and find nothing in a moment; `make fuzz` takes longer."""

import re
import subprocess
from pathlib import Path

from tests.requirements import require

ROOT = Path(__file__).parents[3]


def test_nothing_is_found_in_a_moment(tmp_path: Path) -> None:
    probe = subprocess.run(["sh", str(ROOT / "fuzz" / "has_libfuzzer.sh")], check=False)
    require(probe.returncode == 0, "clang with libFuzzer", "apt-get install clang libclang-rt-dev")
    done = subprocess.run(
        ["sh", str(ROOT / "fuzz" / "run.sh"), str(tmp_path / "fuzz"), "1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    executed = [int(count) for count in re.findall(r"number_of_executed_units: (\d+)", done.stderr)]
    assert len(executed) == 2
    assert min(executed) > 100
