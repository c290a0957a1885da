"""What benchmarks leave behind when they are ended: nothing."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.scaffold import medians, run_folder

BENCHMARK = """
import subprocess, time
from bench.scaffold import run_folder
with run_folder() as folder:
    server = subprocess.Popen(["sleep", "600"])
    try:
        print(folder, server.pid, flush=True)
        time.sleep(600)
    finally:
        server.kill()
        server.wait()
"""


@pytest.mark.timeout(60)
def test_terminated_benchmark_stops_what_it_has_started() -> None:
    with subprocess.Popen([sys.executable, "-c", BENCHMARK], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder, pid = process.stdout.readline().split()
        assert Path(folder).is_dir()
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
    assert not Path(folder).exists()
    assert not Path(f"/proc/{pid}").exists()


def test_folder_is_open_to_servers_of_other_users() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        with run_folder() as folder:
            assert folder.stat().st_mode & 0o777 == 0o755
    finally:
        signal.signal(signal.SIGTERM, before)


def test_medians_are_taken_by_field() -> None:
    @dataclass(frozen=True, slots=True)
    class Run:
        rate: float
        cpu: float

    assert medians([Run(1, 9), Run(3, 7), Run(2, 8)]) == Run(2, 8)
