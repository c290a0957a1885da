"""Accuracy beside bogofilter, where both learn the same half of the SpamAssassin corpus and judge the other.

Split by the first bit of each message's SHA-1, as `tools.build_base_model --report` does. It sees what we see: the
whole message, or the lite view of it. bogofilter learns and judges in bulk; it is left out with a word where it is not
installed.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mda.antispam.evaluation import separate
from mda.antispam.training import Recipe
from mda.antispam.trial import Entry, View, viewed
from tools.build_base_model import as_model, build, read, scores
from tools.fetch_corpus import DEFAULT_FOLDER

Scored = list[tuple[float, bool]]


def compare_halves(entries: Sequence[Entry]) -> dict[str, dict[str, float]]:
    """By classifier and view: 1-ROCA%, and recall at 0.1 % false positives; `entries` are those of the index."""
    print("half and half, 1-ROCA%, recall at 0.1 %")
    found = {f"half_ours_{view}": shown(f"ours {view}", scored) for view, scored in ours()}
    if not shutil.which("bogofilter"):
        print("  bogofilter is left out; to have it:  apt-get install bogofilter")
        return found
    for view in View:
        with halves(entries, view) as (learned, tested):
            found[f"half_bogofilter_{view.value}"] = shown(f"bogofilter {view.value}", bogofilter(learned, tested))
    return found


def shown(name: str, scored: Scored) -> dict[str, float]:
    found = separate(scored)
    roca, recall = found.one_minus_roca_percent, found.recall_percent(found.threshold(0.001))
    print(f"  {name:26}{roca:>11.4f}{recall:>14.1f} %", flush=True)
    return {"one_minus_roca_percent": roca, "recall_percent": recall}


def ours() -> Iterator[tuple[str, Scored]]:
    corpus = read(DEFAULT_FOLDER)
    model = as_model(build([message for message in corpus if message.half == 0], Recipe()))
    for view in View:
        yield view.value, scores(model, (message for message in corpus if message.half == 1), view.categories)


@contextmanager
def halves(entries: Sequence[Entry], view: View) -> Iterator[tuple[list[Entry], list[Entry]]]:
    """What is learned and what is judged, as files of the view."""
    of_half: dict[int, list[Entry]] = {0: [], 1: []}
    corpus = read(DEFAULT_FOLDER)
    with tempfile.TemporaryDirectory() as folder:
        for number, (entry, message) in enumerate(zip(entries, corpus, strict=True)):
            place = Path(folder) / str(number)
            place.write_bytes(viewed(entry.path.read_bytes(), view))
            of_half[message.half].append(Entry(entry.is_spam, place))
        yield of_half[0], of_half[1]


def bogofilter(learned: Sequence[Entry], tested: Sequence[Entry]) -> Scored:
    with tempfile.TemporaryDirectory() as folder:
        command = ["bogofilter", "-C", "-d", folder, "-b"]
        for flag, is_spam in (("-s", True), ("-n", False)):
            said([*command, flag], "\n".join(str(entry.path) for entry in learned if entry.is_spam is is_spam))
        lines = said([*command, "-T"], "\n".join(str(entry.path) for entry in tested)).splitlines()
        return [(float(line.split()[-1]), entry.is_spam) for line, entry in zip(lines, tested, strict=True)]


def said(command: Sequence[str], stdin: str) -> str:
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, text=True, check=False).stdout
