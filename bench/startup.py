"""How long an admin waits for a command: `make bench-startup`, or `python -m bench.startup [ROUNDS]`.

Each command as a process of its own, beside an embedded PostgreSQL that runs already; medians and quickest of ROUNDS in
turn, next to `python -c pass` and what Python needs for click alone. Writes build/bench/startup.json.
"""

import statistics
import subprocess
import sys
import time

from bench.scaffold import run_folder, write_results
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
)

SUBJECTS = ("Lunch", "=?utf-8?q?G=C3=B3ra?=")
MESSAGE = "From: Ben <ben@bench.test>\nTo: anne@bench.test\nSubject: {}\n\nAt noon?\n"


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
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
    floor = statistics.median(times["python -c pass"])
    rows = []
    for name, found in times.items():
        median = statistics.median(found)
        rows.append({"command": name, "median_ms": round(median, 1), "quickest_ms": round(min(found), 1)})
        print(f"{name:32} {median:6.1f} ms, quickest {min(found):6.1f}, {median / floor:.1f} times python -c pass")
    write_results("startup", rows)
    return 0


def measure(commands: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            times[name].append((time.perf_counter() - began) * 1000)
    return times


if __name__ == "__main__":
    sys.exit(main())
