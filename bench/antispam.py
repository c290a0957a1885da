"""How fast and how good the classifier is beside bogofilter: `make bench-antispam`.

    python -m bench.antispam [ROUNDS]

On the SpamAssassin corpus (`python -m tools.fetch_corpus`). Speed is messages a second of one core, in CPU time, the
median of the rounds: parse and classify as a delivery does it, from Python; and scoring alone. bogofilter classifies
the same files in bulk. Then both learn the corpus online, in an order fixed by the names' hashes, from nothing: 1-ROCA%
of stretches of that stream and of all of it. Also how long a message waits for a new model, for how long it holds up
another thread that scores, and what a model adds to a worker's memory. Writes build/bench/antispam.json. bogofilter is
left out with a word where it is not installed.
"""

import hashlib
import json
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

from bench.antispam_half import compare_halves
from bench.mime_programs import OUTPUT
from mda.antispam import trial
from mda.antispam.classifier import Classifier
from mda.antispam.evaluation import separate
from mda.antispam.trial import Entry, View
from mda.binding import Model, examine, features
from mda.weights import Weights, pack
from tools.fetch_corpus import DEFAULT_FOLDER

STRETCHES = ((0, 100), (100, 300), (300, 700), (700, 1500), (1500, 3000), (3000, 6046), (100, 6046), (0, 6046))
Scored = list[tuple[float, bool]]


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    index = trial.read_index(DEFAULT_FOLDER / "index")
    entries = sorted(index, key=lambda entry: hashlib.sha256(entry.path.name.encode()).digest())
    speeds = measure_speed(entries, rounds) | measure_replacement()
    for name, value in speeds.items():
        print(f"{name:40} {value:12,.2f}")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "antispam.json").write_text(
        json.dumps(speeds | compare(entries) | compare_halves(index), indent=2) + "\n"
    )
    return 0


def measure_speed(entries: Sequence[Entry], rounds: int) -> dict[str, float]:
    classifier = Classifier()
    model = classifier.model
    raws = [entry.path.read_bytes() for entry in entries]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    all_ids = [features(raw) for raw in raws]
    found = {
        "parse_classify_per_core": per_second(lambda raw: classifier.judge(examine(raw, model), 0.95), raws, rounds),
        "features_per_core": per_second(features, raws, rounds),
        "score_per_core": per_second(model.score, all_ids, rounds),
        "model_octets": float(2 << model.weights.bits),
        "resident_kilobytes": float(before),
    }
    if shutil.which("bogofilter"):
        found["bogofilter_bulk_per_core"] = bogofilter_bulk(entries)
    return found


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


def compare(entries: Sequence[Entry]) -> dict[str, dict[str, float]]:
    """1-ROCA% so far of both, online and from nothing, and recall at 0.1 % false positives in the end."""
    curves = {view.value: ours_online(entries, view) for view in View}
    if shutil.which("bogofilter"):
        curves["bogofilter"] = bogofilter_online(entries)
    else:
        print("bogofilter is left out; to have it:  apt-get install bogofilter")
    found = {}
    print(f"online, 1-ROCA%{'':13}" + "".join(f"{f'{a}-{b}':>11}" for a, b in STRETCHES) + "   recall at 0.1 %")
    for name, scored in curves.items():
        rocas = {f"{a}-{b}": separate(scored[a:b]).one_minus_roca_percent for a, b in STRETCHES}
        whole = separate(scored)
        recall = whole.recall_percent(whole.threshold(0.001))
        print(f"  {name:26}" + "".join(f"{roca:>11.4f}" for roca in rocas.values()) + f"{recall:>14.1f} %")
        found[f"online_{name}"] = rocas
    return found


def ours_online(entries: Sequence[Entry], view: View) -> Scored:
    done = trial.learn(entries, view, None, None, 0.005)
    return [(outcome.margin, outcome.is_spam) for outcome in done.outcomes]


def bogofilter_online(entries: Sequence[Entry]) -> Scored:
    """Each message scored, then learned, as its manual has it: one process each."""
    scored = []
    with tempfile.TemporaryDirectory() as folder:
        for entry in entries:
            said = bogofilter(folder, "-T", "-I", str(entry.path))
            scored.append((float(said.split()[-1]) if said else 0.5, entry.is_spam))
            bogofilter(folder, "-s" if entry.is_spam else "-n", "-I", str(entry.path))
    return scored


def bogofilter_bulk(entries: Sequence[Entry]) -> float:
    """Messages a second of CPU, by a word list that knows half of them."""
    with tempfile.TemporaryDirectory() as folder:
        for is_spam in (True, False):
            learned = "\n".join(str(entry.path) for entry in entries[::2] if entry.is_spam is is_spam)
            bogofilter(folder, "-s" if is_spam else "-n", "-b", stdin=learned)
        begin = resource.getrusage(resource.RUSAGE_CHILDREN)
        bogofilter(folder, "-T", "-b", stdin="\n".join(str(entry.path) for entry in entries))
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        return len(entries) / (end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime)


def bogofilter(folder: str, *arguments: str, stdin: str = "") -> str:
    command = ["bogofilter", "-C", "-d", folder, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    sys.exit(main())
