"""mda.logs: one line an event, nothing in it that a log or a terminal could be misled by."""

import io
import json
import re
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mda import logs
from mda.settings import Log

HOSTILE = "a\r\n250 ok\x1b[2J\x7f\x9b\u2028\u202e\ud800 é\x00"


@pytest.fixture(autouse=True)
def _as_before() -> object:
    yield
    logs.configure(Log())


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_control_characters_are_escaped(form: str) -> None:
    stream = io.StringIO()
    logs.configure(Log(format=form), stream)
    logs.logger("lmtp").info("said", text=HOSTILE, count=3)
    line = stream.getvalue()
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert "é" in line
    assert line.encode("utf-8")


def test_json_keeps_the_fields() -> None:
    stream = io.StringIO()
    logs.configure(Log(format="json"), stream)
    logs.logger("lmtp").warning("said", text="a\nb", count=3)
    event = json.loads(stream.getvalue())
    assert {key: event[key] for key in ("level", "area", "event", "text", "count")} == {
        **{"level": "warning", "area": "lmtp", "event": "said", "text": "a\\nb"},
        "count": 3,
    }


def test_level_is_held() -> None:
    stream = io.StringIO()
    logs.configure(Log(level="warning"), stream)
    logs.logger("lmtp").info("not this")
    logs.logger("lmtp").error("but this")
    assert [line.split("event=")[1] for line in stream.getvalue().splitlines()] == ['"but this"']


def test_a_value_can_not_pass_for_another_field() -> None:
    stream = io.StringIO()
    logs.configure(Log(), stream)
    logs.logger("lmtp").info("said", queue_id="4c1", text='a" level="error', plain="x@y", none=None, yes=True)
    timestamp, rest = stream.getvalue().rstrip("\n").split(" ", 1)
    assert re.fullmatch(r"timestamp=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", timestamp)
    assert rest == r'level=info area=lmtp event=said queue_id=4c1 text="a\" level=\"error" plain=x@y none= yes=true'


def test_a_backslash_ends_no_value_early() -> None:
    stream = io.StringIO()
    logs.configure(Log(), stream)
    logs.logger("lmtp").info("said", helo='x\\" level=error event="lost', path="c:\\d")
    rest = stream.getvalue().rstrip("\n").split(" ", 1)[1]
    fields = dict(re.findall(r'(\w+)=((?:"(?:[^"\\]|\\.)*")|\S*)(?: |$)', rest))
    assert list(fields) == ["level", "area", "event", "helo", "path"]
    assert fields["level"] == "info"
    assert fields["path"] == r"c:\d"


def test_traceback_is_one_line() -> None:
    stream = io.StringIO()
    logs.configure(Log(), stream)
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logs.logger("lmtp").exception("failed")
    assert stream.getvalue().count("\n") == 1
    assert "ValueError: first" in stream.getvalue()


def test_an_exception_at_hand_is_shown_and_none_is_no_field() -> None:
    stream = io.StringIO()
    logs.configure(Log(), stream)
    logs.logger("lmtp").error("failed", exc_info=ValueError("kept"))
    logs.logger("lmtp").error("failed", exc_info=None)
    first, second = stream.getvalue().splitlines()
    assert "ValueError: kept" in first
    assert "exception" not in second


def test_without_a_stderr_nobody_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python has it in a process that was started with 2>&-."""
    monkeypatch.setattr("sys.stderr", None)
    logs.configure(Log())
    logs.logger("lmtp").error("lost")


def test_a_full_disk_or_a_closed_stream_stops_nobody() -> None:
    full = Path("/dev/full").open("w")  # noqa: SIM115 - its closing fails
    logs.configure(Log(), full)
    for _ in range(10):
        logs.logger("lmtp").error("lost")
    with suppress(OSError):  # what waits in its buffer can't be written now, either
        full.close()
    logs.logger("lmtp").exception("lost")


def test_lines_of_a_turn_are_written_together_and_grave_ones_at_once() -> None:
    stream, soon = Writes(), list[Callable[[], None]]()
    logs.configure(Log(), stream)
    logs.gather(soon.append)
    log = logs.logger("delivery")
    log.info("one")
    log.info("two")
    other = threading.Thread(target=log.info, args=("beside",))
    other.start()
    other.join()
    assert [events(write) for write in stream.writes] == [["beside"]], "another thread has no turn to wait for"
    assert len(soon) == 1
    soon.pop()()
    log.info("three")
    log.warning("four")
    assert events(stream.writes[-1]) == ["three", "four"], "what is grave does not wait, and comes in order"
    soon.pop()()
    log.info("five")
    logs.gather(None)
    log.info("six")
    assert [events(write) for write in stream.writes[1:]] == [["one", "two"], ["three", "four"], ["five"], ["six"]]


def test_what_is_written_together_is_never_torn_by_another_process() -> None:
    """A pipe, as a file with O_APPEND does for any, keeps what comes in one piece together up to PIPE_BUF octets."""
    raw, soon = Pieces(), list[Callable[[], None]]()
    stderr = io.TextIOWrapper(io.BufferedWriter(raw), line_buffering=True)  # as Python's own
    logs.configure(Log(), stderr)
    logs.gather(soon.append)
    for number in range(100):
        logs.logger("delivery").info("delivered", sender="é" * number, number=number)
    soon.pop()()
    logs.gather(None)
    assert all(len(piece) <= select.PIPE_BUF and piece.endswith(b"\n") for piece in raw.pieces)
    assert len(raw.pieces) < 20
    assert re.findall(rb"number=(\d+)", b"".join(raw.pieces)) == [b"%d" % number for number in range(100)]


def test_a_loop_that_takes_nothing_leaves_no_line_behind() -> None:
    def closed(_: Callable[[], None]) -> None:
        raise RuntimeError("Event loop is closed")

    stream = Writes()
    logs.configure(Log(), stream)
    logs.gather(closed)
    logs.logger("delivery").info("one")
    logs.logger("delivery").info("two")
    assert [events(write) for write in stream.writes] == [["one"], ["two"]]
    logs.gather(None)


class Pieces(io.RawIOBase):
    """A file that keeps each write apart."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, octets: Any, /) -> int:
        self.pieces.append(bytes(octets))
        return len(self.pieces[-1])


class Writes(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)


def events(written: str) -> list[str]:
    assert written.endswith("\n")
    return re.findall(r"event=(\w+)", written)
