"""Structured logs to stderr: one line an event, logfmt or JSON, control characters escaped.

`configure` is called once by a process's composition root (the CLI, the supervisor, a worker); everything else calls
`logger`. Nothing that came from the mail or a peer can begin a second line or move a terminal's cursor. A line that
can't be written (a full disk, a pipe that nobody reads any more) is dropped: mail is not held up for its log.

    timestamp=2026-11-28T09:21:07.301942Z level=info area=delivery event=delivered queue_id=4c... recipient=...

Our own, as each message has a line: structlog took three times as long for it (30 microseconds, this 10).
"""

import json
import re
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TextIO

from mda.metrics import recorder
from mda.metrics.families import LOG_LINES
from mda.settings import Log

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PLAIN = re.compile(r"[!#-<>-\[\]-~]+").fullmatch
"""Visible ASCII without space, quotes, equals sign and backslash: most values, and they need neither escape nor
quotes."""

Fields = Mapping[str, Any]

Soon = Callable[[Callable[[], None]], object]
"""An event loop's call_soon."""


class Logger:
    """Writes lines that name its area. `exc_info` takes an exception (True: the one being handled) and becomes
    its traceback, in one line."""

    __slots__ = ("_area",)

    def __init__(self, area: str) -> None:
        self._area = area

    def debug(self, event: str, **fields: Any) -> None:
        self._log("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._log("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._log("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._log("error", event, fields)

    def critical(self, event: str, **fields: Any) -> None:
        self._log("critical", event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """An error with the exception that is being handled."""
        self._log("error", event, {"exc_info": True, **fields})

    def _log(self, level: str, event: str, fields: dict[str, Any]) -> None:
        if LEVELS[level] < _sink.least:
            return
        recorder.add(LOG_LINES, level)
        if "exc_info" in fields:
            found = _traceback(fields.pop("exc_info"))
            fields |= {"exception": found} if found else {}
        head: dict[str, Any] = {"timestamp": _clock.now(), "level": level, "area": self._area, "event": event}
        _sink.write(_sink.form({**head, **fields}), LEVELS[level] > LEVELS["info"])


class _Sink:
    """Where this process's lines go, and in which form."""

    def __init__(self) -> None:
        self.configure(Log(), None)

    def configure(self, settings: Log, stream: TextIO | None) -> None:
        self.least = LEVELS[settings.level]
        self.form: Callable[[Fields], str] = _json if settings.format == "json" else _logfmt
        self._stream = stream
        self._held: list[str] = []
        self._soon: Soon | None = None
        self._holder = 0

    def hold(self, soon: "Soon | None") -> None:
        """See `logs.gather`."""
        self._soon, self._holder = soon, threading.get_ident()
        self._write_held()

    def write(self, line: str, is_urgent: bool) -> None:
        """In one call, so that the lines of several processes do not mix; never raises for the stream."""
        if self._soon is None or threading.get_ident() != self._holder:
            self._write(line + "\n")
            return
        self._held.append(line)
        if is_urgent:
            self._write_held()
        elif len(self._held) == 1:
            try:
                self._soon(self._write_held)
            except Exception:  # the loop is closed, or has no memory for it
                self._write_held()

    def _write_held(self) -> None:
        held, self._held = self._held, []
        for lines in _in_pieces(held):
            self._write(lines)

    def _write(self, lines: str) -> None:
        stream = self._stream or sys.stderr
        if stream is None:  # started with a closed stderr
            return
        with suppress(OSError, ValueError):
            stream.write(lines)
            stream.flush()


class _Clock:
    """RFC 3339 in UTC; the part up to the second is made once a second."""

    def __init__(self) -> None:
        self._cached = (0, "")

    def now(self) -> str:
        seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
        second, text = self._cached
        if second != seconds:
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
            self._cached = (seconds, text)  # one assignment: threads share it
        return f"{text}.{microseconds:06d}Z"


def configure(settings: Log, stream: TextIO | None = None) -> None:
    """Sets the level and the form for this process; `stream` is stderr where there is none."""
    _sink.configure(settings, stream)


def gather(soon: Soon | None) -> None:
    """From here on what this thread says up to `info` is written together when its event loop comes to it, a moment
    later: a system call or a few for a batch of deliveries. What is graver takes it along at once. None ends that."""
    _sink.hold(soon)


def logger(area: str) -> Logger:
    """A logger whose lines name their area: lmtp, supervisor, worker, delivery ..."""
    return Logger(area)


def _in_pieces(lines: Sequence[str]) -> Iterator[str]:
    """Whole lines together, as many as a pipe takes in one piece whoever else writes to it: what is longer may be torn,
    and what a mail brought would begin a line."""
    piece, octets = list[str](), 0
    for line in lines:
        length = len(line.encode("utf-8", "backslashreplace")) + 1
        if piece and octets + length > select.PIPE_BUF:
            yield "\n".join((*piece, ""))
            piece, octets = [], 0
        piece.append(line)
        octets += length
    if piece:
        yield "\n".join((*piece, ""))


def _logfmt(event: Fields) -> str:
    texts = [value if type(value) is str else _TEXTS.get(type(value), str)(value) for value in event.values()]
    if not _PLAIN("".join(texts)):  # one look where all are plain, as nearly always
        texts = [text if _PLAIN(text) else _quoted(_escaped(text)) for text in texts]
    return " ".join([f"{key}={text}" for key, text in zip(event, texts, strict=True)])


_TEXTS: Mapping[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "",
}
"""Of what str does not write as logfmt has it."""


def _quoted(text: str) -> str:
    """In quotes a backslash needs its own too, or one before a quote would end the value early."""
    if " " in text or "=" in text or '"' in text:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text


def _json(event: Fields) -> str:
    shown = {key: _escaped(value) if isinstance(value, str) else value for key, value in event.items()}
    return json.dumps(shown, ensure_ascii=False, default=repr)


def _traceback(found: object) -> str:
    error = found if isinstance(found, BaseException) else sys.exc_info()[1] if found else None
    return "" if error is None else "".join(traceback.format_exception(error)).rstrip("\n")


def _escaped(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    return _CONTROL.sub(_visible, value)


def _visible(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")


_clock = _Clock()
_sink = _Sink()
