"""How long an admin waits for a command: `make bench-startup`, or `python -m bench.startup [ROUNDS]`.

Each command as a process of its own, beside an embedded PostgreSQL that runs already; medians and quickest of ROUNDS in
turn, next to `python -c pass` and what Python needs for click alone; and the least processor time, which a busy machine
changes less. Writes build/bench/startup.json.
"""

import resource
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

from bench.scaffold import asked, run_folder, write_results
from mda.metadata.postgresql.opened import opened
from mda.settings import load
from tests.integration.instance import COMMANDS, Instance

LISTINGS = (
    ("domain", "list"),
    ("account", "list"),
    ("alias", "list"),
    ("mailbox", "list", "anne@bench.test"),
    ("quota", "list"),
    ("message", "list", "anne@bench.test"),
    ("shard", "list"),
    ("spam", "policy", "list"),
    ("spam", "correspondent", "list", "anne@bench.test"),
    ("trace", "anne@bench.test"),
)
"""All commands that list, and the question that is asked at night."""

SUBJECTS = ("Lunch", "=?utf-8?q?G=C3=B3ra?=")
MESSAGE = "From: Ben <ben@bench.test>\nTo: anne@bench.test\nSubject: {}\n\nAt noon?\n"


def main() -> int:
    rounds = asked(__doc__, rounds=5).rounds
    with run_folder() as folder:
        instance = Instance(folder, "embedded")
        instance.prepare("bench.test", ["anne"])
        for subject in SUBJECTS:
            instance.mda("deliver", "anne@bench.test", stdin=MESSAGE.format(subject).encode())
        mda = str(COMMANDS / "mda")
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "python -c 'import click'": [sys.executable, "-c", "import click"],
            "mda --help": [mda, "--help"],
            "mda account --help": [mda, "account", "--help"],
            **{f"mda {' '.join(words)}": instance.command(*words) for words in LISTINGS},
        }
        with opened(load(instance.settings, {})):  # the server stays up
            times = measure(commands, rounds)
    rows = []
    for name, found in times.items():
        median, quickest = statistics.median(one.elapsed for one in found), min(one.elapsed for one in found)
        processor = min(one.processor for one in found)
        rows.append(
            {
                "command": name,
                "median_ms": round(median, 1),
                "quickest_ms": round(quickest, 1),
                "processor_ms": round(processor, 1),
            }
        )
        print(f"{name:46} {median:7.1f} ms, quickest {quickest:6.1f}, processor {processor:6.1f}")
    write_results("startup", rows)
    return 0


class Took(NamedTuple):
    """Milliseconds of one run."""

    elapsed: float
    processor: float


def measure(commands: dict[str, list[str]], rounds: int) -> dict[str, list[Took]]:
    times: dict[str, list[Took]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(run(command))
    return times


def run(command: list[str]) -> Took:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    elapsed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Took(elapsed * 1000, processor * 1000)


if __name__ == "__main__":
    sys.exit(main())
