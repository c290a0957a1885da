"""The C tests of the antispam core, under AddressSanitizer and UndefinedBehaviorSanitizer."""

import subprocess
from pathlib import Path

RUNNER = Path(__file__).parents[2] / "c" / "antispam" / "run.sh"


def test_c_tests_pass(tmp_path: Path) -> None:
    done = subprocess.run(["sh", str(RUNNER), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "antispam features: ok" in done.stdout
    assert "antispam scoring: ok" in done.stdout
    assert "antispam personal: ok" in done.stdout
    assert "antispam campaign: ok" in done.stdout
