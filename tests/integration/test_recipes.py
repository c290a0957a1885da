"""Each recipe of docs/operations.md, line by line as it stands there, on an MDA with its own embedded PostgreSQL."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.instance import COMMANDS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/operations.md").read_text().partition("## Recipes\n")[2].partition("\n## ")[0]
LINE = re.compile(r"^    (?!systemctl)(\S.*)$", re.MULTILINE)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="mda"))  # short: sockets are below it
    made.chmod(0o755)
    (made / "mda.toml").write_text(f'data_dir = "{made}/data"\n[storage]\nmaintenance_bytes_per_second = 1000000000\n')
    yield made
    shutil.rmtree(made)


def run(folder: Path, line: str) -> str:
    """One line by a shell, its folders below ours."""
    for outside, inside in (("/var/lib/mda", "data"), ("/backup", "backup"), ("/srv", "srv")):
        line = line.replace(outside, str(folder / inside))
    environment = {
        **os.environ,
        "MDA_CONFIG": str(folder / "mda.toml"),
        "PATH": f"{COMMANDS}:{os.environ['PATH']}",
    }
    done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_recipes_do_what_they_say(folder: Path) -> None:
    (folder / "srv").mkdir()
    lines = LINE.findall(TEXT)
    assert len(lines) > 25
    said = {line: run(folder, line) for line in lines}
    assert "first" in said["mda message list anne@example.org"]
    assert "delivered as INBOX:1" in said["mda trace anne@example.org"]
    assert "second" in said["mda shard list"]
    assert "spam.test" in said["mda spam policy list"]
    last = run(folder, "mda message list anne@example.org")
    assert "first" in last, "what was expunged, undeleted, moved and rebuilt is there"
    assert "win" in last
