"""A crash run as a command: kills under load, half of them with the power cut.

    python -m tests.crash.run --kills 300 [--messages 100000] [--seconds S] [--seed N] [--no-postfix]

Prints its seed, its progress and its figures; exits 1 where anything is lost, doubled, changed or miscounted, and
keeps the folder then. With the same seed the choices are the same, their moments are not.
"""

import argparse
import math
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.crash.figures import report
from tests.crash.rounds import prepared


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.run", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--messages", type=int, default=0, help="go on until so many are acknowledged")
    parser.add_argument("--seconds", type=float, default=math.inf, help="end with fewer kills when these are over")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--no-postfix", action="store_true", help="LMTP clients only; needs no root")
    given = parser.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing is left running
    folder = Path(tempfile.mkdtemp(prefix="mda-crash-"))
    folder.chmod(0o755)
    sys.stdout.write(f"seed {given.seed}, in {folder}\n")
    with prepared(folder, given.seed, not given.no_postfix) as run:
        run.rounds(given.kills, given.messages, given.seconds)
        run.settle()
    sys.stdout.write(report(run.figures, run.ledger))
    if run.figures.findings:
        sys.stdout.write(f"kept for you to look at: {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
