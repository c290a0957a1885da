"""The progress of long commands: a bar on a terminal, nothing into a pipe."""

import sys
from contextlib import AbstractContextManager
from typing import Any

import click


def bar(octets: int, label: str) -> AbstractContextManager[Any]:
    """A bar over `octets`, on standard error; `update` with each step's."""
    return click.progressbar(length=octets, label=label, file=sys.stderr, show_pos=False)
