"""The console script, and how it imports commands.

While modules are imported nothing has been begun: an interrupt ends the process at once. As an exception it would be a
traceback, or lost in the machinery of imports.
"""

import os
import signal
from importlib import import_module
from types import ModuleType

EXIT_INTERRUPTED = 130


def main() -> None:
    """The console script."""
    imported("mda.cli.main").main()


def imported(name: str) -> ModuleType:
    """The module of that name."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, as in a shell's background
        return import_module(name)
    signal.signal(signal.SIGINT, _leave)
    try:
        return import_module(name)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(_number: int, _frame: object) -> None:
    os._exit(EXIT_INTERRUPTED)
