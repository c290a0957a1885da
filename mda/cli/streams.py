"""Standard input, output and error of the process, where the caller has closed them or they can't be written."""

import os
import sys
from contextlib import suppress


def open_missing() -> None:
    """Else the next file or connection would be in their place, and Python has no stream at all. To read gives an
    error; what is written is lost."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY)  # the lowest number that is free
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def give_up_output() -> None:
    """What could not be written is not tried again at the process's end, where it would change the exit code."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
