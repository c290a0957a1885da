"""What benchmarks are asked, and what they leave behind when they are ended: nothing."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.scaffold import asked, medians, run_folder

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


def test_command_line_holds_numbers_in_order_and_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--quick", "3"])
    arguments = asked("What it does.", ("quick", "forgetful"), pairs=5, messages=1_000)

    assert (arguments.pairs, arguments.messages) == (3, 1_000)
    assert (arguments.quick, arguments.forgetful) == (True, False)


def test_command_line_holds_choices_and_all_where_none_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    sections = {"section": ("codec", "reads", "space")}
    monkeypatch.setattr(sys, "argv", ["bench", "--section", "space", "2", "--section", "codec"])
    arguments = asked("What it does.", (), sections, rounds=5)
    assert (arguments.section, arguments.rounds) == (["space", "codec"], 2)

    monkeypatch.setattr(sys, "argv", ["bench"])
    assert asked("What it does.", (), sections, rounds=5).section == ["codec", "reads", "space"]


@pytest.mark.parametrize("word", ["--forgetfull", "0", "-1", "five", "\N{SUPERSCRIPT TWO}", "--section=reeds"])
def test_what_a_benchmark_does_not_know_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", word])
    with pytest.raises(SystemExit) as ended:
        asked("What it does.", ("forgetful",), {"section": ("codec", "reads")}, pairs=5)

    assert ended.value.code == 2
    assert word.partition("=")[2] or word in capsys.readouterr().err


def test_help_is_the_description(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--help"])
    with pytest.raises(SystemExit) as ended:
        asked("What it does: 100 % of it.", pairs=5)

    assert ended.value.code == 0
    assert "What it does: 100 % of it." in capsys.readouterr().out
