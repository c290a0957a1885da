"""The line that says how far a long command is."""

import sys

import pytest

from mda.cli.progress import Meter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("total", "done", "seconds", "line"),
    [
        (5_000_000_000, 1_200_000_000, 60, "checking: 1.2 GB of 5.0 GB, 24 %, 20 MB/s, 3 min left"),
        (1_000_000, 500_000, 10, "checking: 500 KB of 1.0 MB, 50 %, 50 KB/s, 10 s left"),
        (1_000_000, 3_000_000, 10, "checking: 3.0 MB of 1.0 MB, 100 %, 300 KB/s, 0 s left"),
        (1_000_000_000_000, 10_000_000_000, 600, "checking: 10 GB of 1.0 TB, 1 %, 17 MB/s, 16.5 h left"),
        (1_000_000, 0, 10, "checking: 0 B of 1.0 MB, 0 %, 0 B/s, who knows how long left"),
        (0, 3_000_000, 10, "checking: 3.0 MB, 300 KB/s"),
    ],
)
def test_how_far_how_fast_how_long(total: int, done: int, seconds: float, line: str) -> None:
    clock = Clock()
    meter = Meter("checking", total, clock=clock)
    clock.now = seconds
    meter.add(done)
    assert meter.line() == line


def test_written_over_on_a_terminal_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for is_terminal in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda shown=is_terminal: shown)
        clock = Clock()
        with Meter("copying", 100, clock=clock) as meter:
            meter.add(10)
            clock.now = 1.0
            meter.add(10)
            meter.add(10)
            meter.say("one is done")
        out, err = capsys.readouterr()
        assert out == "one is done\n"
        blank = "\r\x1b[K"
        assert err == (f"{blank}copying: 20 B of 100 B, 20 %, 20 B/s, 4 s left{blank}{blank}" if is_terminal else "")
