"""Rewrites every settled segment of the first shard and ends: `python -m bench.storage_compactor FILE`.

FILE is the settings. The step is compaction's own, at its pace and the niceness of the systemd unit; that everything
lives is its dearest case. Prints octets read and seconds.
"""

import os
import sys
import time
from pathlib import Path

from mda import settings
from mda.identifiers import IdentifierSource
from mda.maintenance import shards
from mda.maintenance.compaction import Compacted, Rules, compact
from mda.metadata.postgresql.opened import opened

NICENESS = 10
SETTLED_SECONDS = 12.0
"""Of the benchmark's settings: deliveries are over in three (storage_compaction)."""


def main() -> int:
    os.nice(NICENESS)
    chosen = settings.load(Path(sys.argv[1]))
    with opened(chosen) as handle:
        (shard,) = shards.all_shards(handle)
        begin = time.perf_counter()
        steps = list(compact(handle, shard, chosen, Rules(0.0, SETTLED_SECONDS, 60), IdentifierSource()))
        seconds = time.perf_counter() - begin
    done = [step for step in steps if isinstance(step, Compacted)]
    if any(step.error for step in done):
        print(done, file=sys.stderr)
        return 1
    print(sum(step.copied.read_bytes for step in done), seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
