"""How fast and how good the classifier is beside its peers: `make bench-antispam`.

    python -m bench.antispam [ROUNDS]

On the SpamAssassin corpus (`python -m tools.fetch_corpus`). Speed is messages a second of one core, in CPU time, the
median of the rounds: parse and classify as a delivery does it, from Python; and scoring alone. bogofilter classifies
the same files in bulk. Also how long a message waits for a new model, for how long it holds up another thread that
scores, and what a model adds to a worker's memory. Then accuracy: online (bench/antispam_online.py), and beside
SpamAssassin's Bayes and rspamd too where all learn half of the corpus (bench/antispam_half.py). Writes
build/bench/antispam.json. Peers are left out with a word where they are not installed.
"""

import hashlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

from bench import antispam_bogofilter
from bench.antispam_half import compare_halves
from bench.antispam_online import compare_online
from bench.scaffold import asked, write_results
from mda.antispam import trial
from mda.antispam.classifier import Classifier
from mda.antispam.trial import Entry
from mda.binding import CampaignTable, Model, examine, features
from mda.weights import Weights, pack
from tools.fetch_corpus import DEFAULT_FOLDER


def main() -> int:
    rounds = asked(__doc__, rounds=5).rounds
    index = trial.read_index(DEFAULT_FOLDER / "index")
    entries = sorted(index, key=lambda entry: hashlib.sha256(entry.path.name.encode()).digest())
    speeds = measure_speed(entries, rounds) | measure_replacement()
    for name, value in speeds.items():
        print(f"{name:40} {value:12,.2f}")
    write_results("antispam", speeds | compare_online(entries) | compare_halves(index))
    return 0


def measure_speed(entries: Sequence[Entry], rounds: int) -> dict[str, float]:
    classifier = Classifier()
    model = classifier.model
    raws = [entry.path.read_bytes() for entry in entries]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    all_ids = [features(raw) for raw in raws]
    found = {
        "parse_classify_per_core": deliveries(classifier, raws, rounds),
        "features_per_core": per_second(features, raws, rounds),
        "score_per_core": per_second(model.score, all_ids, rounds),
        "model_octets": float(2 << model.weights.bits),
        "resident_kilobytes": float(before),
    }
    if shutil.which("bogofilter"):
        found["bogofilter_bulk_per_core"] = antispam_bogofilter.bulk_rate(entries)
    return found


def deliveries(classifier: Classifier, raws: Sequence[bytes], rounds: int) -> float:
    """Parsed, counted among their near copies, and judged."""
    with tempfile.TemporaryDirectory() as folder:
        table, model = CampaignTable(Path(folder) / "campaigns"), classifier.model
        try:
            return per_second(
                lambda raw: classifier.judge(examine(raw, model, campaigns=table).spam, 0.95), raws, rounds
            )
        finally:
            table.close()


def per_second(work: Callable[[bytes], object], items: Sequence[bytes], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        begin = time.process_time()
        for item in items:
            work(item)
        taken.append(time.process_time() - begin)
    return len(items) / statistics.median(taken)


def measure_replacement() -> dict[str, float]:
    """Milliseconds that the first message after a replacement waits for the new model: in the worker that copies it for
    all, and in the others, medians and the worst; and the longest pause of another thread that scores meanwhile."""
    ids = features((DEFAULT_FOLDER / "index").read_bytes()[:4000])
    copied, mapped, pauses = [], [], list[float]()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "model.bin"
        base = Classifier().model.weights
        path.write_bytes(pack(base))
        first, other = (Classifier(path, shared_folder=Path(name) / "spam") for _ in range(2))
        for turn in range(40):
            put(path, replace(base, messages=turn))
            copied.append(milliseconds(lambda: first.model))
            mapped.append(milliseconds(lambda: other.model))
        with scoring(first.model, ids) as last_pauses:
            for turn in range(40):
                put(path, replace(base, messages=turn))
                last_pauses[0] = 0.0
                _ = first.model
                pauses.append(1000 * last_pauses[0])
    return {
        "model_copy_ms": statistics.median(copied),
        "model_map_ms": statistics.median(mapped),
        "model_worst_ms": max(copied + mapped),
        "pause_ms": statistics.median(pauses),
    } | measure_memory()


def put(path: Path, weights: Weights) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(pack(weights))
    fresh.rename(path)


def milliseconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begin)


@contextmanager
def scoring(model: Model, ids: bytes) -> Iterator[list[float]]:
    """A thread that scores all the time; the longest of the seconds between its messages since it was set to 0."""
    pauses, done = [0.0], Event()

    def score() -> None:
        last = time.perf_counter()
        while not done.is_set():
            model.score(ids)
            now = time.perf_counter()
            pauses[0] = max(pauses[0], now - last)
            last = now

    thread = Thread(target=score)
    thread.start()
    try:
        yield pauses
    finally:
        done.set()
        thread.join()


def measure_memory() -> dict[str, float]:
    """Kilobytes that a model adds to what a worker alone has, mapped beside another worker, and without a folder."""
    program = (
        "import re, sys; from pathlib import Path; from mda.binding import Model\n"
        "def private():\n"
        "    said = Path('/proc/self/smaps_rollup').read_text()\n"
        "    return sum(int(found) for found in re.findall(r'Private_(?:Clean|Dirty): *([0-9]+)', said))\n"
        "before = private(); model = Model(Path(sys.argv[1]), *map(Path, sys.argv[2:])); print(private() - before)"
    )
    with tempfile.TemporaryDirectory() as name:
        path, folder = Classifier().path, Path(name)
        beside = Model(path, folder)
        found = {}
        for key, more in (("model_private_kilobytes_mapped", [name]), ("model_private_kilobytes_copied", [])):
            command = [sys.executable, "-c", program, str(path), *more]
            found[key] = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        assert beside.is_shared
    return found


if __name__ == "__main__":
    sys.exit(main())
