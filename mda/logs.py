"""Structured logs to stderr by structlog: one line an event, logfmt or JSON, control characters escaped.

`configure` is called once by a process's composition root (the CLI, the supervisor, a worker); everything else calls
`logger`. Nothing that came from the mail or a peer can begin a second line or move a terminal's cursor. A line that
can't be written (a full disk, a pipe that nobody reads any more) is dropped: mail is not held up for its log.
"""

import logging
import re
import sys
from contextlib import suppress
from typing import TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from mda.metrics import recorder
from mda.metrics.families import LOG_LINES
from mda.settings import Log

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def configure(settings: Log, stream: TextIO | None = None) -> None:
    """Sets the level and the form for this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _count,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _escape,
            _renderer(settings.format),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.level.upper()]),
        logger_factory=lambda *_: _Lines(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


class _Lines(structlog.WriteLogger):
    """Writes a line in one call, so that the lines of several processes do not mix; never raises for the stream."""

    def msg(self, message: str) -> None:
        with suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg


def logger(area: str) -> FilteringBoundLogger:
    """A logger whose lines name their area: lmtp, supervisor, worker, delivery ..."""
    bound: FilteringBoundLogger = structlog.get_logger(area=area)
    return bound


def _renderer(form: str) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "area", "event"], bool_as_flag=False)


def _count(_logger: object, _method: str, event: EventDict) -> EventDict:
    recorder.add(LOG_LINES, event["level"])
    return event


def _escape(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {key: _escaped(value) if isinstance(value, str) else value for key, value in event.items()}


def _escaped(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    return _CONTROL.sub(_visible, value)


def _visible(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")
