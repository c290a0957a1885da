"""Compares ENVELOPE, BODY and BODYSTRUCTURE with Dovecot's, each class of difference counted.

    python -m tools.compare_dovecot [--show N] [FILE...]
    python -m tools.compare_dovecot --golden

Without a FILE: the samples and the SpamAssassin corpus (`python -m tools.fetch_corpus`). Needs Debian's dovecot-imapd.
A class is a rule below, tried in order; docs/dovecot-differences.md says of each who is right and why. What no rule
explains is printed, and the exit status is 1. `--golden` writes Dovecot's answers about the samples for the tests that
run without it.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mda.binding import examine
from mda.mime.defects import Defect
from mda.mime.imap_body import body
from tools import private_dovecot
from tools.fetch_corpus import DEFAULT_FOLDER

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "tests" / "samples"
GOLDEN = ROOT / "tests" / "samples" / "dovecot.json"


@dataclass(frozen=True, slots=True)
class Difference:
    item: str
    ours: bytes
    theirs: bytes
    source: bytes
    defects: Defect


def answers(raw: bytes) -> Mapping[str, bytes]:
    """Ours, by the name of the FETCH item."""
    found = examine(raw)
    structure = found.body_structure
    return {"ENVELOPE": found.envelope, "BODY": body(structure), "BODYSTRUCTURE": structure}


def differences(raw: bytes, theirs: Mapping[str, bytes]) -> Iterator[Difference]:
    defects = Defect(examine(raw).defects)
    for item, ours in answers(raw).items():
        if ours != theirs[item]:
            yield Difference(item, ours, theirs[item], raw, defects)


def classify(difference: Difference) -> str | None:
    """The first rule that explains it."""
    return next((name for name, rule in RULES.items() if rule(difference)), None)


def _in_envelope(defect: Defect) -> Callable[[Difference], bool]:
    return lambda found: found.item == "ENVELOPE" and defect in found.defects


def _in_structure(defect: Defect) -> Callable[[Difference], bool]:
    return lambda found: found.item != "ENVELOPE" and defect in found.defects


def _reads(pattern: bytes) -> Callable[[Difference], bool]:
    found = re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    return lambda difference: difference.item != "ENVELOPE" and found.search(difference.source) is not None


def _is_no_address(found: Difference) -> bool:
    is_refused = re.search(rb'"(SYNTAX_ERROR|MISSING_[A-Z]+)"', found.theirs) is not None
    return found.item == "ENVELOPE" and (is_refused or Defect.BAD_ADDRESS in found.defects)


def _is_same_without_case(found: Difference) -> bool:
    return found.ours.lower() == found.theirs.lower()


def _is_encoding_left_out(found: Difference) -> bool:
    """A text without a Content-Type."""
    header = found.source.partition(b"\r\n\r\n")[0].lower()
    is_same = found.ours.lower().replace(b'"8bit"', b'"7bit"') == found.theirs.lower()
    return b"\r\ncontent-type:" not in header and is_same


RULES: Mapping[str, Callable[[Difference], bool]] = {
    "plain text in lower case": _is_same_without_case,
    "transfer encoding without a type": _is_encoding_left_out,
    "field that stands twice": _in_envelope(Defect.REPEATED_FIELD),
    "broken address": _is_no_address,
    "message under a transfer encoding": _in_structure(Defect.ENCODED_MESSAGE),
    "boundary never appears": _in_structure(Defect.NO_DELIMITER),
    "text behind a delimiter": _in_structure(Defect.BOUNDARY_PREFIX),
    "transfer encoding with more behind": _in_structure(Defect.BAD_ENCODING),
    "parameter without a semicolon": _reads(rb"^content-type:[ \t]*[a-z/-]+[ \t]+charset="),
    "value with spaces, unquoted": _reads(rb';\s*(?:file)?name=[^"\s;]+[ \t]+[^\s;]'),
    "pieces of a parameter": _reads(rb"\*0\*=(?s:.*)\*2="),
}


def main() -> int:
    arguments = sys.argv[1:]
    if private_dovecot.program() is None:
        print("Dovecot is not installed; to have it:  apt-get install --no-install-recommends dovecot-imapd")
        return 2
    if arguments == ["--golden"]:
        write_golden()
        return 0
    shown = int(arguments.pop(arguments.index("--show") + 1)) if "--show" in arguments else 0
    paths = [Path(argument) for argument in arguments if not argument.startswith("--")]
    return report(paths or [*sorted(SAMPLES.glob("*.eml")), *sorted(DEFAULT_FOLDER.glob("*/*.eml"))], shown)


def report(paths: list[Path], shown: int) -> int:
    counts: Counter[tuple[str, str]] = Counter()
    mails = [path.read_bytes() for path in paths]
    for path, raw, theirs in zip(paths, mails, private_dovecot.fetch(mails), strict=True):
        for difference in differences(raw, theirs):
            kind = classify(difference) or "unexplained"
            counts[difference.item, kind] += 1
            if kind == "unexplained" or counts[difference.item, kind] <= shown:
                show(path, difference, kind)
    unexplained = sum(count for (_, kind), count in counts.items() if kind == "unexplained")
    print(f"{len(mails)} messages, Dovecot {private_dovecot.version()}, {sum(counts.values())} differences")
    for (item, kind), count in sorted(counts.items(), key=lambda entry: -entry[1]):
        print(f"| {item} | {kind} | {count} |")
    print(f"{unexplained} unexplained")
    return 1 if unexplained or not mails else 0


def show(path: Path, difference: Difference, kind: str) -> None:
    ours, theirs = difference.ours, difference.theirs
    at = next((at for at, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    begin = max(0, at - 60)
    print(f"{path.name}: {difference.item}: {kind}")
    print(f"  ours   {ours[begin : at + 100]!r}")
    print(f"  theirs {theirs[begin : at + 100]!r}")


def write_golden() -> None:
    """As JSON, an octet for a character."""
    paths = sorted(SAMPLES.glob("*.eml"))
    fetched = private_dovecot.fetch([path.read_bytes() for path in paths])
    golden = {
        path.name: {item: value.decode("latin-1") for item, value in each.items()}
        for path, each in zip(paths, fetched, strict=True)
    }
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
