"""Compares the MIME parser with the standard library's on the SpamAssassin corpus, each class of difference counted.

    python -m tools.compare_mime [FOLDER] [--show N]

Compared are the part tree, the decoded Subject, all address fields, Date, and of each leaf its file name and text. A
class is a rule of tools/mime_comparison.py, tried in order; docs/mime-differences.md says of each who is right and why.
What no rule explains is printed, and the exit status is 1.
"""

import sys
from collections import Counter
from pathlib import Path

from tools.fetch_corpus import DEFAULT_FOLDER
from tools.mime_comparison import Difference, classify, compare


def main() -> int:
    arguments = sys.argv[1:]
    shown = int(arguments.pop(arguments.index("--show") + 1)) if "--show" in arguments else 0
    folders = [argument for argument in arguments if not argument.startswith("--")]
    paths = sorted(Path(folders[0] if folders else DEFAULT_FOLDER).glob("*/*.eml"))
    counts: Counter[tuple[str, str]] = Counter()
    unexplained = 0
    for path in paths:
        for difference in compare(path.read_bytes()):
            kind = classify(difference)
            counts[difference.value, kind or "unexplained"] += 1
            unexplained += kind is None
            if kind is None or counts[difference.value, kind] <= shown:
                show(path, difference, kind)
    print(f"{len(paths)} messages, {sum(counts.values())} differences, {unexplained} unexplained")
    for (value, kind), count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"| {value} | {kind} | {count} |")
    return 1 if unexplained or not paths else 0


def show(path: Path, difference: Difference, kind: str | None) -> None:
    print(f"{path.name}: {difference.value}: {kind}")
    print(f"  ours   {difference.ours!r:.300}")
    print(f"  theirs {difference.theirs!r:.300}")


if __name__ == "__main__":
    sys.exit(main())
