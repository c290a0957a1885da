"""The fuzz targets build, start from the samples and find nothing in a moment; `make fuzz` takes longer."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def has_libfuzzer(folder: Path) -> bool:
    """clang may stand without the run-time libraries that fuzzing needs."""
    if shutil.which("clang") is None:
        return False
    command = ["clang", "-fsanitize=fuzzer,address,undefined", "-x", "c", "-", "-o", str(folder / "probe")]
    source = "int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return p && n > 9 ? 0 : 0; }"
    return subprocess.run(command, input=source, text=True, capture_output=True, check=False).returncode == 0


def test_nothing_is_found_in_a_moment(tmp_path: Path) -> None:
    if not has_libfuzzer(tmp_path):
        pytest.skip("clang with libFuzzer is not installed")
    done = subprocess.run(
        ["sh", str(ROOT / "fuzz" / "run.sh"), str(tmp_path / "fuzz"), "1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    executed = [int(count) for count in re.findall(r"number_of_executed_units: (\d+)", done.stderr)]
    assert len(executed) == 2
    assert min(executed) > 100
