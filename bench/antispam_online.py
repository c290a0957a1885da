"""Learning online beside bogofilter: the SpamAssassin corpus in an order fixed by the names' hashes, from nothing, each
message scored and then learned.

Printed are 1-ROCA% of stretches of the stream, recall at 0.1 % false positives of all of it, and whether it was ahead
of bogofilter all the way: by 1-ROCA% of all messages so far, at each message from the 100th on.
"""

import shutil
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence

from bench import antispam_bogofilter
from bench.antispam_peer import Scored
from mda.antispam import trial
from mda.antispam.evaluation import separate
from mda.antispam.trial import Entry, View

STRETCHES = ((0, 100), (100, 300), (300, 700), (700, 1500), (1500, 3000), (3000, 6046), (100, 6046), (0, 6046))
COMPARED_FROM = 100


def compare_online(entries: Sequence[Entry]) -> dict[str, dict[str, float]]:
    """By view, and of bogofilter where it is installed: 1-ROCA% by stretch; of a view also `points_behind`, the number
    of messages after which bogofilter was ahead, and `first_behind`, the first of them, 0 where there is none."""
    curves = {view.value: ours(entries, view) for view in View}
    if shutil.which(antispam_bogofilter.PROGRAM):
        curves[antispam_bogofilter.PROGRAM] = antispam_bogofilter.online(entries)
    else:
        print(f"bogofilter is left out; to have it:  apt-get install {antispam_bogofilter.PACKAGES}")
    print(f"online, 1-ROCA%{'':13}" + "".join(f"{f'{a}-{b}':>11}" for a, b in STRETCHES) + "   recall at 0.1 %")
    found = {f"online_{name}": shown(name, scored) for name, scored in curves.items()}
    if antispam_bogofilter.PROGRAM in curves:
        for view in View:
            found[f"online_{view.value}"] |= behind(view.value, curves[view.value], curves[antispam_bogofilter.PROGRAM])
    return found


def ours(entries: Sequence[Entry], view: View) -> Scored:
    done = trial.learn(entries, view, None, None, 0.005)
    return [(outcome.margin, outcome.is_spam) for outcome in done.outcomes]


def shown(name: str, scored: Scored) -> dict[str, float]:
    rocas = {f"{a}-{b}": separate(scored[a:b]).one_minus_roca_percent for a, b in STRETCHES}
    whole = separate(scored)
    recall = whole.recall_percent(whole.threshold(0.001))
    print(f"  {name:26}" + "".join(f"{roca:>11.4f}" for roca in rocas.values()) + f"{recall:>14.1f} %")
    return rocas


def behind(name: str, ours: Scored, theirs: Scored) -> dict[str, float]:
    pairs = zip(so_far(ours), so_far(theirs), strict=True)
    points = [at for at, (our, their) in enumerate(pairs, 1) if at >= COMPARED_FROM and our > their]
    compared = len(ours) - COMPARED_FROM + 1
    said = f"behind bogofilter at {len(points)} of {compared:,} messages, first at {points[0]}" if points else "ahead"
    print(f"  {name}, all so far, from the {COMPARED_FROM}th message on: {said}")
    return {"points_behind": float(len(points)), "first_behind": float(points[0] if points else 0)}


def so_far(scored: Iterable[tuple[float, bool]]) -> Iterator[float]:
    """1-ROCA% of the first 1, 2, 3 ... messages; 0 while they are of one kind."""
    rising: dict[bool, list[float]] = {True: [], False: []}
    wrong = 0.0
    for score, is_spam in scored:
        others = rising[not is_spam]
        below, upto = bisect_left(others, score), bisect_right(others, score)
        wrong += (len(others) - upto if is_spam else below) + (upto - below) / 2
        insort(rising[is_spam], score)
        pairs = len(rising[True]) * len(rising[False])
        yield 100 * wrong / pairs if pairs else 0.0
