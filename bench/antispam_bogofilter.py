"""bogofilter, with a word list of its own: in bulk, and online as its manual has it."""

import resource
import subprocess
import tempfile
from collections.abc import Sequence

from bench.antispam_peer import Judged, Scored
from mda.antispam.trial import Entry

PROGRAM = "bogofilter"
PACKAGES = "bogofilter"


def judge(learned: Sequence[Entry], tested: Sequence[Entry]) -> Judged:
    """Both in bulk."""
    with tempfile.TemporaryDirectory() as folder:
        for is_spam in (True, False):
            paths = "\n".join(str(entry.path) for entry in learned if entry.is_spam is is_spam)
            said(folder, "-s" if is_spam else "-n", "-b", stdin=paths)
        begin = _seconds()
        lines = said(folder, "-T", "-b", stdin="\n".join(str(entry.path) for entry in tested)).splitlines()
        seconds = _seconds() - begin
    scored = [(float(line.split()[-1]), entry.is_spam) for line, entry in zip(lines, tested, strict=True)]
    return Judged({"bogofilter": scored}, seconds)


def online(entries: Sequence[Entry]) -> Scored:
    """Each message scored, then learned: one process each."""
    scored = []
    with tempfile.TemporaryDirectory() as folder:
        for entry in entries:
            line = said(folder, "-T", "-I", str(entry.path))
            scored.append((float(line.split()[-1]) if line else 0.5, entry.is_spam))
            said(folder, "-s" if entry.is_spam else "-n", "-I", str(entry.path))
    return scored


def bulk_rate(entries: Sequence[Entry]) -> float:
    """Messages a second of CPU, by a word list that knows half of them."""
    return len(entries) / judge(entries[::2], entries).seconds


def said(folder: str, *arguments: str, stdin: str = "") -> str:
    command = [PROGRAM, "-C", "-d", folder, *arguments]
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, text=True, check=False).stdout


def _seconds() -> float:
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime
