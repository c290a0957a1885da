"""How long an admin waits for a command: `make bench-startup`, or `python -m bench.startup [ROUNDS]`.

Each command as a process of its own, beside an embedded PostgreSQL that runs already; medians and quickest of ROUNDS in
turn, next to `python -c pass` and what Python needs for click alone. Writes build/bench/startup.json.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.mime_programs import OUTPUT
from mda.metadata.postgresql.opened import opened
from mda.settings import load
from tests.integration.instance import COMMANDS, Instance

LISTINGS = (
    ("domain", "list"),
    ("account", "list"),
    ("alias", "list"),
    ("quota", "list"),
    ("message", "list", "anne@bench.test"),
)


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory(prefix="mda-bench-", dir="/var/tmp") as folder:
        instance = Instance(Path(folder), "embedded")
        instance.prepare("bench.test", ["anne"])
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
    rows = [
        {"command": name, "median_ms": round(statistics.median(found), 1), "quickest_ms": round(min(found), 1)}
        for name, found in times.items()
    ]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "startup.json").write_text(json.dumps(rows, indent=2) + "\n")
    for row in rows:
        print(f"{row['command']:40} {row['median_ms']:8} ms, quickest {row['quickest_ms']} ms")
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
