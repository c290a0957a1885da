"""Processes seen from outside, by their own ids only."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def children(pid: int) -> tuple[int, ...]:
    """Of all threads of the process; none where it is gone."""
    with suppress(OSError):
        threads = Path(f"/proc/{pid}/task").iterdir()
        return tuple(int(child) for thread in threads for child in (thread / "children").read_text().split())
    return ()


def descendants(pid: int) -> tuple[int, ...]:
    found = children(pid)
    return (*found, *(below for child in found for below in descendants(child)))


def name_of(pid: int) -> str:
    """Its program's, at most 15 characters; empty where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_until(what: Callable[[], bool], seconds: float, name: str) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"{name} did not come in {seconds} s"
        time.sleep(0.01)
