"""Accuracy beside the peers, where all learn the same half of the SpamAssassin corpus and judge the other.

Split by the first bit of each message's SHA-1, as `tools.build_base_model --report` does. A peer sees what we see: the
whole message, or the lite view of it. One that is not installed is left out with a word. SpamAssassin takes some
minutes, and tells on standard error how far it is.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import antispam_bogofilter, antispam_rspamd, antispam_spamassassin
from bench.antispam_peer import Judged, Scored
from mda.antispam.evaluation import separate
from mda.antispam.training import Recipe
from mda.antispam.trial import Entry, View, viewed
from tools.build_base_model import as_model, build, read, scores
from tools.fetch_corpus import DEFAULT_FOLDER


@dataclass(frozen=True, slots=True)
class Peer:
    """Another classifier: the program to look for, Debian's packages that bring it, and how it learns and judges."""

    program: str
    packages: str
    judge: Callable[[Sequence[Entry], Sequence[Entry]], Judged]


PEERS = tuple(
    Peer(module.PROGRAM, module.PACKAGES, module.judge)
    for module in (antispam_bogofilter, antispam_spamassassin, antispam_rspamd)
)


def compare_halves(entries: Sequence[Entry]) -> dict[str, dict[str, float]]:
    """By classifier and view: 1-ROCA%, recall at 0.1 % false positives, and of a peer the messages that it judged a
    second of CPU; `entries` are those of the index."""
    print(f"half and half{'':20}1-ROCA%   recall at 0.1 %   messages a CPU second")
    found = {f"half_ours_{view}": shown(f"ours {view}", scored) for view, scored in ours()}
    present = [peer for peer in PEERS if is_installed(peer)]
    for view in View:
        with halves(entries, view) as (learned, tested):
            for peer in present:
                judged = peer.judge(learned, tested)
                for name, scored in judged.scored.items():
                    found[f"half_{name}_{view.value}"] = shown(f"{name} {view.value}", scored, judged.seconds)
    return found


def is_installed(peer: Peer) -> bool:
    """A peer may need more than one program, each of a package of that name."""
    needed = (peer.program, *(name for name in peer.packages.split() if name != peer.program))
    if all(map(shutil.which, needed)):
        return True
    print(f"  {peer.program} is left out; to have it:  apt-get install --no-install-recommends {peer.packages}")
    return False


def shown(name: str, scored: Scored, seconds: float = 0.0) -> dict[str, float]:
    separation = separate(scored)
    roca, recall = separation.one_minus_roca_percent, separation.recall_percent(separation.threshold(0.001))
    found = {"one_minus_roca_percent": roca, "recall_percent": recall}
    if seconds:
        found["per_cpu_second"] = len(scored) / seconds
    rate = f"{found['per_cpu_second']:>18,.0f}" if seconds else ""
    print(f"  {name:26}{roca:>12.4f}{recall:>15.1f} %{rate}", flush=True)
    return found


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
