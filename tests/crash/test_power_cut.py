"""The fault library and the power cut themselves: what is taken back, and what is not."""

import errno
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from tests.crash.faults import ALWAYS, Call, Effect, Faults, Role, Rule
from tests.crash.journal import read_journal
from tests.crash.power_cut import Lost, Tail, cut_power

PRELUDE = """
import os
def folder_sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
def made(path):
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    folder_sync(os.path.dirname(path))
    return fd
os.chdir("{watched}")
root = os.getcwd()
"""


class Cutting(Random):
    """Dice that cut each tail."""

    def choice(self, seq: Sequence[Tail]) -> Tail:  # type: ignore[override]
        return Tail.CUT


class Bench:
    """A watched folder, and programs that run in it under the library."""

    def __init__(self, folder: Path) -> None:
        self.watched = folder / "shards"
        self.watched.mkdir()
        self.faults = Faults.make(folder / "faults", (self.watched,))

    def run(self, story: str, *rules: Rule) -> str:
        self.faults.set(*rules)
        program = PRELUDE.format(watched=self.watched) + story
        environment = {**os.environ, **self.faults.environment}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def cut(self) -> Lost:
        return cut_power(self.faults.journal, self.watched, None, Cutting())

    def content(self, name: str) -> bytes | None:
        path = self.watched / name
        return path.read_bytes() if path.exists() else None


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_was_synced_stays_and_what_came_after_goes(bench: Bench) -> None:
    bench.run("""
fd = made(root + "/file")
os.pwritev(fd, [b"kept ", b"bytes"], 0)
os.fdatasync(fd)
os.pwrite(fd, b"KEPT", 0)
os.write(fd, b"at the descriptor's own place")
os.pwrite(fd, b"behind", 100)
""")
    bench.cut()
    assert bench.content("file") == b"kept bytes"


def test_a_cut_file_is_whole_again(bench: Bench) -> None:
    bench.run("""
fd = made(root + "/file")
os.write(fd, b"0123456789")
os.fsync(fd)
os.ftruncate(fd, 3)
os.pwrite(fd, b"x", 1)
""")
    bench.cut()
    assert bench.content("file") == b"0123456789"


def test_names_need_a_sync_of_their_folder(bench: Bench) -> None:
    bench.run("""
os.close(made(root + "/old"))
os.close(made(root + "/.draft"))
fd = os.open(root + "/new", os.O_RDWR | os.O_CREAT)
os.write(fd, b"synced, but nobody will find it")
os.fsync(fd)
os.mkdir(root + "/folder")
os.close(made(root + "/folder/file"))
os.rename(root + "/.draft", root + "/renamed")
""")
    assert bench.cut().names == 3
    assert sorted(path.name for path in bench.watched.iterdir()) == [".draft", "old"]


def test_a_second_cut_takes_only_what_came_since(bench: Bench) -> None:
    bench.run('os.write(made(root + "/file"), b"never synced")')
    bench.cut()
    assert bench.cut() == Lost(0, 0, 0)


def test_what_a_failed_sync_has_lost_no_later_one_brings_back(bench: Bench) -> None:
    """As the kernel does: it says so once, and then takes the pages for clean."""
    bench.run(
        """
fd = made(root + "/file")
os.write(fd, b"good")
os.fdatasync(fd)
os.write(fd, b"lost")
try:
    os.fdatasync(fd)
except OSError as error:
    print(error.errno)
os.fdatasync(fd)
""",
        Rule(Call.FDATASYNC, "file", Effect.FAIL, errno.EIO, skip=1, roles=Role.OTHER),
    )
    bench.cut()
    assert bench.content("file") == b"good"


def test_a_sync_that_lies_saves_nothing(bench: Bench) -> None:
    lie = Rule(Call.FDATASYNC | Call.FSYNC, "", Effect.LIE, times=ALWAYS, roles=Role.OTHER)
    bench.run('fd = made(root + "/file"); os.write(fd, b"x"); os.fdatasync(fd)', lie)
    bench.cut()
    assert bench.content("file") is None


@pytest.mark.parametrize(
    ("rule", "calls", "said"),
    [
        (Rule(Call.WRITE, "file", Effect.FAIL, errno.ENOSPC, skip=1, roles=Role.OTHER), 3, ["4", "ENOSPC", "4"]),
        (Rule(Call.WRITE, "file", Effect.SHORT, times=2, roles=Role.OTHER), 3, ["2", "2", "4"]),
        (Rule(Call.WRITE, "other", Effect.FAIL, errno.EIO, times=ALWAYS, roles=Role.OTHER), 2, ["4", "4"]),
        (Rule(Call.WRITE, "file", Effect.FAIL, errno.EIO, times=ALWAYS, roles=Role.WORKER), 1, ["4"]),
    ],
)
def test_the_nth_call_is_struck(bench: Bench, rule: Rule, calls: int, said: Sequence[str]) -> None:
    heard = bench.run(
        f"""
import errno
fd = made(root + "/file")
for _ in range({calls}):
    try:
        print(os.write(fd, b"four"))
    except OSError as error:
        print(errno.errorcode[error.errno])
""",
        rule,
    )
    assert heard.split() == list(said)


def test_a_torn_entry_is_passed_over(bench: Bench) -> None:
    bench.run('fd = made(root + "/file"); os.write(fd, b"one"); os.fdatasync(fd)')
    whole = len(list(read_journal(bench.faults.journal)))
    torn = bench.faults.journal.read_bytes()
    bench.faults.journal.write_bytes(torn[:40] + torn)
    assert len(list(read_journal(bench.faults.journal))) == whole
