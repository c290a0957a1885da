"""SpamAssassin's Bayes, through its Perl library (bench/spamassassin_bayes.pl): the probability that it gives.

No rule of SpamAssassin's runs beside it, and nothing asks the network. A message that it says nothing of has 0.5.
"""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bench.antispam_peer import Judged, counted, cpu_seconds
from mda.antispam.trial import Entry

PROGRAM = "spamassassin"
PACKAGES = "spamassassin"
DRIVER = Path(__file__).with_name("spamassassin_bayes.pl")
ANSWER = "bayes"
UNSURE = 0.5


def judge(learned: Sequence[Entry], tested: Sequence[Entry]) -> Judged:
    with tempfile.TemporaryDirectory() as folder, _driver(folder) as driver:
        requests, answers = driver.stdin, driver.stdout
        if requests is None or answers is None:
            raise RuntimeError("no pipe to the driver")
        for entry in counted("SpamAssassin learns", learned):
            _say(requests, f"learn {'spam' if entry.is_spam else 'ham'} {entry.path}")
        scored = []
        begin = 0.0
        for entry in counted("SpamAssassin judges", tested):
            _say(requests, f"score {entry.path}")
            scored.append((_answer(answers), entry.is_spam))
            begin = begin or cpu_seconds(driver.pid)  # the first answer comes after all that was to be learned
        return Judged({"spamassassin_bayes": scored}, cpu_seconds(driver.pid) - begin)


@contextmanager
def _driver(folder: str) -> Iterator["subprocess.Popen[str]"]:
    driver = subprocess.Popen(["perl", str(DRIVER), folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with driver:
        yield driver


def _say(requests: IO[str], line: str) -> None:
    requests.write(f"{line}\n")
    requests.flush()


def _answer(answers: IO[str]) -> float:
    """The library prints lines of its own, which are passed over."""
    for line in answers:
        head, _, value = line.strip().partition(" ")
        if head == ANSWER:
            return UNSURE if value == "none" else float(value)
    raise RuntimeError("the driver ended; see its error above")
