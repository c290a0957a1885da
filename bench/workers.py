"""How many workers: `make bench-workers`, or `python -m bench.workers [PAIRS]`.

The same mail goes in 20 sessions, which is Postfix's default_destination_concurrency_limit, to `mda serve` with 1, 2
and 4 workers, each with a PostgreSQL of its own, in turn in the same run, its sessions spread evenly
(workers.gather_sessions = 0): messages a second, rows in a commit (a worker's batches are of its own sessions, so that
more workers have smaller ones) and microseconds of processor time a message.
Medians of the pairs. Writes build/bench/workers.json, a row for each number of workers. Needs root and postfix.
"""

import json
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from bench import processor_time
from bench.delivery import smtp_source
from bench.delivery_mda import ours
from bench.needed import has_all
from bench.scaffold import asked, medians, run_folder, write_results
from tests.integration.instance import Instance

WORKERS = (1, 2, 4)
SESSIONS = 20
MESSAGES = 2_000
OCTETS = 2_000


@dataclass(frozen=True, slots=True)
class Run:
    rate: float
    """Messages a second."""
    rows: float
    """In one commit."""
    workers_us: float
    postgresql_us: float


def main() -> int:
    pairs = asked(__doc__, pairs=5).pairs
    if not has_all(("smtp-source",)):
        return 2
    runs: dict[int, list[Run]] = {count: [] for count in WORKERS}
    with run_folder() as root, ExitStack() as running:
        instances = {
            count: running.enter_context(ours(root / str(count), workers=f"count = {count}\ngather_sessions = 0"))
            for count in WORKERS
        }
        for instance in instances.values():
            smtp_source(instance.socket, SESSIONS, MESSAGES, OCTETS)  # connections are made, statements are planned
        for _ in range(pairs):
            for count, instance in instances.items():
                runs[count].append(measured(instance))
    found = {count: medians(of_count) for count, of_count in runs.items()}
    for count, run in found.items():
        print(
            f"{count} workers: {run.rate:6,.0f}/s, {run.rows:4.1f} rows a commit,"
            f" {run.workers_us:5,.0f} us of the workers and {run.postgresql_us:4,.0f} of PostgreSQL a message"
        )
    write_results("workers", [{"workers": count, **asdict(run)} for count, run in found.items()])
    return 0


def measured(instance: Instance) -> Run:
    workers = instance.workers()
    commits, rows = _committed(instance)
    of_workers, of_all = processor_time.of_processes(workers), processor_time.of_folder(instance.folder)
    seconds = smtp_source(instance.socket, SESSIONS, MESSAGES, OCTETS)
    of_workers = processor_time.of_processes(workers) - of_workers
    of_all = processor_time.of_folder(instance.folder) - of_all
    commits_after, rows_after = _committed(instance)
    scale = 1e6 / MESSAGES
    return Run(
        MESSAGES / seconds,
        (rows_after - rows) / (commits_after - commits),
        of_workers * scale,
        (of_all - of_workers) * scale,
    )


def _table(count: int) -> str:
    return f"count = {count}\ngather_sessions = 0"


def _committed(instance: Instance) -> tuple[int, float]:
    """Commits and the rows in them, of all workers since the start."""
    series = [one for one in json.loads(instance.mda("stats", "--json")) if one["name"] == "mda_commit_rows"]
    return sum(one["count"] for one in series), sum(one["sum"] for one in series)


if __name__ == "__main__":
    sys.exit(main())
