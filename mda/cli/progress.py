"""The progress of long commands: on a terminal how far, how fast and how long still, into a pipe nothing."""

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import click

from mda.cli.text import say
from mda.sizes import format_size

BETWEEN_SECONDS = 0.5
_BLANK = "\r\x1b[K"


def is_watched() -> bool:
    """Whether anybody sees it: only then is it worth a look at how much there is to do."""
    return sys.stderr.isatty()


def amount(what: str) -> Callable[[int], str]:
    """The form of an amount that is no octets: `17 messages`."""
    return lambda count: f"{count} {what}"


class Meter:
    """A line on standard error that is written over: `label: 1.2 GB of 5 GB, 24 %, 31 MB/s, 2 minutes left`. With a
    `total` of 0, which nobody knows, how much and how fast alone. Whatever else is printed goes by `say`."""

    def __init__(
        self,
        label: str,
        total: int = 0,
        form: Callable[[int], str] = format_size,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._total = total
        self._form = form
        self._clock = clock
        self._is_shown = is_watched()
        self._done = 0
        self._began = clock()
        self._next = self._began + BETWEEN_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def add(self, amount: int) -> None:
        """So much more is done."""
        self._done += amount
        if self._is_shown and self._clock() >= self._next:
            self._next = self._clock() + BETWEEN_SECONDS
            width = _columns() - 1  # a line that wraps can't be written over
            click.echo(f"{_BLANK}{self.line()[:width]}", nl=False, err=True)

    def say(self, text: str, *, err: bool = False) -> None:
        """A line that stays."""
        self._clear()
        say(text, err=err)

    def line(self) -> str:
        """What it shows now."""
        rate = self._done / max(self._clock() - self._began, 0.001)
        speed = f"{self._form(int(rate))}/s"
        if not self._total:
            return f"{self._label}: {self._form(self._done)}, {speed}"
        # What grows meanwhile is more than was counted before.
        left = _duration(max(self._total - self._done, 0) / rate) if rate else "who knows how long"
        percent = min(100 * self._done // self._total, 100)
        return (
            f"{self._label}: {self._form(self._done)} of {self._form(self._total)}, {percent} %, {speed}, {left} left"
        )

    def _clear(self) -> None:
        if self._is_shown:
            click.echo(_BLANK, nl=False, err=True)


def _columns() -> int:
    """Not by shutil, which a listing that counts nothing would import for it."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
