"""The console script, and how it imports commands.

While modules are imported nothing has been begun: an interrupt ends the process at once. As an exception it would be a
traceback, or lost in the machinery of imports. Later an interrupt is an exception, which a statement that waits in
PostgreSQL's library lets through only when it is answered: the second one ends the process where it stands, as a kill
would, which everything is made for.
"""

import os
import signal
import threading
from importlib import import_module
from types import ModuleType

EXIT_INTERRUPTED = 130


def main() -> None:
    """The console script."""
    commands = imported("mda.cli.main")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _leave_at_the_second()
    commands.main()


def imported(name: str) -> ModuleType:
    """The module of that name."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, as in a shell's background
        return import_module(name)
    signal.signal(signal.SIGINT, _leave)
    try:
        return import_module(name)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave_at_the_second() -> None:
    """Until somebody else, as the supervisor does, takes the descriptor that signals are written to."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_count, args=(reader,), name="interrupts", daemon=True).start()


def _count(reader: int) -> None:
    left = 2
    while left:
        left -= os.read(reader, 1) == bytes((signal.SIGINT,))
    os._exit(EXIT_INTERRUPTED)


def _leave(_number: int, _frame: object) -> None:
    os._exit(EXIT_INTERRUPTED)
