"""What benchmarks begin and end with: their command line, a folder of their own, results in build/bench, medians."""

import json
import signal
import statistics
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, TypeVar

from bench.journaled import journaled
from bench.mime_programs import OUTPUT

PLACE = "/var/tmp"  # noqa: S108 - below it TemporaryDirectory makes a folder of our own
"""On a disk, which /tmp may not be."""

T = TypeVar("T")


def asked(
    description: str | None,
    flags: Sequence[str] = (),
    choices: Mapping[str, Sequence[str]] = MappingProxyType({}),
    **numbers: int,
) -> Namespace:
    """The command line: `numbers` from 1 on, in this order, each with its default, `flags` (--NAME), and `choices`
    (--NAME WORD, as often as wanted; all words where there is none). Anything else ends the program with status 2, and
    --help with `description`."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    for flag in flags:
        parser.add_argument(f"--{flag}", action="store_true")
    for name, words in choices.items():
        parser.add_argument(f"--{name}", action="append", choices=words)
    for name, default in numbers.items():
        parser.add_argument(name, metavar=name.upper(), nargs="?", type=_positive, default=default)
    arguments = parser.parse_args()
    for name, words in choices.items():
        setattr(arguments, name, getattr(arguments, name) or [*words])
    return arguments


@contextmanager
def run_folder(*, has_journal: bool = False) -> Iterator[Path]:
    """A folder that servers of other users can look into, gone at the end; with `has_journal` on a file system of its
    own that has one (`bench.journaled`). SIGTERM is an exit from here on, so that what was started is stopped."""
    signal.signal(signal.SIGTERM, _leave)
    with TemporaryDirectory(prefix="mda-bench-", dir=PLACE) as folder, ExitStack() as stack:
        root = Path(folder)
        root.chmod(0o755)
        yield stack.enter_context(journaled(root)) if has_journal else root


def write_results(name: str, results: object) -> None:
    """Into build/bench/`name`.json."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / f"{name}.json").write_text(json.dumps(results, indent=2) + "\n")


def medians(runs: Sequence[T]) -> T:
    """Of each field of a dataclass of numbers."""
    first: Any = runs[0]
    values = (statistics.median(getattr(run, field.name) for run in runs) for field in fields(first))
    made: T = type(first)(*values)
    return made


def _positive(word: str) -> int:
    if not word.isascii() or not word.isdigit() or int(word) == 0:
        raise ArgumentTypeError(f"{word!r} is no number from 1 on")
    return int(word)


def _leave(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + signal.SIGTERM)
