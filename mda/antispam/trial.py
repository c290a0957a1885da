"""A classifier tried on labelled mail in its order, as the TREC Spam Track does it: score a message, then learn it.

The index has a line a message, `spam PATH` or `ham PATH`, with paths relative to the index. Nothing here needs a
database or a server. What learns is what learns at a site: `mda.binding.Learner`, on top of the model it starts from.
"""

import re
import tempfile
import time
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mda.antispam.log_odds import log_odds
from mda.antispam.training import FULL_VIEW, LITE_VIEW, seen_through
from mda.antispam.verdict import Category
from mda.binding import CampaignTable, Learner, Model, campaign_features, features
from mda.errors import InvalidValue

BITS = 22
RATES = (0.2, 1.0)
SHARE = 0.2
TRUST = 0.5
"""In what the model says, until it is known how far that holds here."""
TELLING = 16
"""Features that Bayes goes by at first; it goes by more with each message."""
DOUBT = 2.0
"""At so many messages of the rarer kind what is learned counts by half."""
HAM_KEPT = 2000
"""The threshold follows this many of the latest ham."""
FIRST_THRESHOLD = 0.0
MESSAGES_A_MINUTE = 17
"""The clock by which campaigns fade: that of a site of a thousand messages an hour."""
MOST_OCTETS = 50_000_000
"""Of a message that is larger, the rest is left out."""

MOST_CHARACTERS = 65_536
"""Of a line of an index."""

_FROM_LINE = re.compile(rb"\A>?From [^\n]*\n")
_KEPT = re.compile(rb"(?:subject|from|to|content-[!-9;-~]*|mime-version)[ \t]*:", re.IGNORECASE)


class View(Enum):
    """What of a message is looked at."""

    FULL = "full"
    """All headers but those that give the answer away (other filters' verdicts, archive marks)."""
    LITE = "lite"
    """Subject, From, To, Content-*, MIME-Version and the body: what carries over to another site."""

    @property
    def categories(self) -> int:
        return LITE_VIEW | Category.CAMPAIGN.bit if self is View.LITE else FULL_VIEW


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an index."""

    is_spam: bool
    path: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """One message: `margin` is its log-odds of being spam, `is_marked` whether it reached the threshold of then."""

    is_spam: bool
    margin: float
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """All messages in their order, and what the run took."""

    outcomes: tuple[Outcome, ...]
    seconds: float
    """Of reading, parsing, scoring and learning."""


def read_index(index: Path) -> tuple[Entry, ...]:
    """InvalidValue names the line that is none."""
    entries = []
    for number, line in enumerate(_lines(index), 1):
        label, _, name = line.strip().partition(" ")
        if not label:
            continue
        if label.lower() not in ("spam", "ham") or not name.strip():
            raise InvalidValue(f"{index}, line {number}: {line.strip()[:60]!r} is not `spam PATH` or `ham PATH`")
        entries.append(Entry(label.lower() == "spam", index.parent / name.strip()))
    if len({entry.is_spam for entry in entries}) < 2:
        raise InvalidValue(f"{index} must name both spam and ham")
    return tuple(entries)


def _lines(index: Path) -> Iterator[str]:
    try:
        with index.open(encoding="utf-8", errors="surrogateescape") as stream:
            for line in iter(lambda: stream.readline(MOST_CHARACTERS), ""):  # a longer one is none, cut as it is
                yield line.removesuffix("\n")
    except OSError as error:
        raise InvalidValue(f"{index}: {error.strerror}", "name a file with lines like: spam inmail/1") from error


def classify(
    entries: Sequence[Entry],
    view: View,
    model: Model,
    threshold: float,
    watch: Callable[[int], None] = lambda messages: None,
) -> Trial:
    """What a model makes of `entries`; nothing is learned. `threshold` is a margin; `watch` is told of each message."""
    begin = time.perf_counter()
    outcomes = []
    for entry in entries:
        margin = log_odds(model.score(_features(entry, view)).probability)
        outcomes.append(Outcome(entry.is_spam, margin, margin >= threshold))
        watch(1)
    return Trial(tuple(outcomes), time.perf_counter() - begin)


def learn(
    entries: Sequence[Entry],
    view: View,
    model: Model | None,
    threshold: float | None,
    false_positives: float,
    watch: Callable[[int], None] = lambda messages: None,
) -> Trial:
    """Scores `entries` in their order and learns each one after it was scored. Without a `threshold` (a margin) it is
    the one that at most a share `false_positives` of the latest ham reached. `watch` is told of each message."""
    learner = Learner(BITS, 0.0, RATES, SHARE, TRUST, TELLING, DOUBT)
    outcomes = []
    cut = FIRST_THRESHOLD if threshold is None else threshold
    ham = _Latest()
    begin = time.perf_counter()
    for entry, ids in _in_campaigns(entries, view):
        prior = model.score(ids).margin if model else 0.0
        margin = learner.step(ids, view.categories, entry.is_spam, prior=prior)
        learner.count(ids, view.categories, entry.is_spam)
        outcomes.append(Outcome(entry.is_spam, margin, margin >= cut))
        watch(1)
        if not entry.is_spam and threshold is None:
            ham.add(margin)
            cut = ham.cut(false_positives)
    return Trial(tuple(outcomes), time.perf_counter() - begin)


def _in_campaigns(entries: Sequence[Entry], view: View) -> Iterator[tuple[Entry, bytes]]:
    """Each message with its features, as of so many near copies before it as there were in this very trial."""
    with tempfile.TemporaryDirectory() as folder:
        table = CampaignTable(Path(folder) / "campaigns")
        try:
            for number, entry in enumerate(entries):
                ids = _features(entry, view)
                campaign = table.meet(ids, number / MESSAGES_A_MINUTE * 60)
                yield entry, ids + campaign_features(campaign.count if campaign else 0)
        finally:
            table.close()


def _features(entry: Entry, view: View) -> bytes:
    """Without what a message says by the fields that it lacks, which the view has taken."""
    return seen_through(view.categories, features(viewed(_read(entry.path), view)))


def viewed(raw: bytes, view: View) -> bytes:
    """The message without an mbox's From line, and of a lite view without the fields that it leaves out."""
    raw = _FROM_LINE.sub(b"", raw, count=1)
    return b"".join(_lite(raw)) if view is View.LITE else raw


def _lite(raw: bytes) -> Iterator[bytes]:
    at, is_kept = 0, False
    while at < len(raw):
        end = raw.find(b"\n", at) + 1 or len(raw)
        line = raw[at:end]
        if line in (b"\n", b"\r\n"):
            break
        if line[:1] not in (b" ", b"\t"):
            is_kept = _KEPT.match(line) is not None
        if is_kept:
            yield line
        at = end
    yield raw[at:]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_OCTETS)
    except OSError as error:
        raise InvalidValue(f"{path}: {error.strerror}", "paths in an index are relative to it") from error


class _Latest:
    """The margins of the latest ham, by time and by size."""

    def __init__(self) -> None:
        self._in_order: deque[float] = deque()
        self._rising: list[float] = []

    def add(self, margin: float) -> None:
        self._in_order.append(margin)
        insort(self._rising, margin)
        if len(self._in_order) > HAM_KEPT:
            self._rising.remove(self._in_order.popleft())

    def cut(self, share: float) -> float:
        """Above all but `share` of them; of few, as far above the largest as the ones below it lie apart."""
        passing = int(len(self._rising) * share)
        largest = self._rising[-1 - passing]
        if passing:
            return largest
        return max(FIRST_THRESHOLD, largest + 0.1 * abs(largest))
