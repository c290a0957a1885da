"""Whose processor time a benchmark takes for that of a program under test."""

import subprocess
import sys
from pathlib import Path

from bench import processor_time

BURN = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def burnt(counted: Path, command: list[str], folder: Path) -> float:
    """What is counted for a folder once a process has used 0.3 s in it."""
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        seconds = processor_time.of_folder(counted)
        process.stdin.close()
    return seconds


def test_a_process_that_works_below_the_folder_counts_though_it_names_it_not(tmp_path: Path) -> None:
    below = tmp_path / "pg"
    below.mkdir()
    assert burnt(tmp_path, [sys.executable, "-c", BURN], below) >= 0.25


def test_children_of_a_process_that_names_the_folder_count_wherever_they_work(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, BURN, str(tmp_path)]
    assert burnt(tmp_path, command, Path("/")) >= 0.25


def test_others_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    assert burnt(tmp_path / "ours", [sys.executable, "-c", BURN], tmp_path) == 0
