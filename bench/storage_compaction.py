"""Compaction's speed, and what deliveries feel of it.

The shard is filled with the corpus several times. Speed is that of a run with no limit to its rate and with nothing
beside it: it rests for as long as it has waited, as always. Then smtp-source delivers for some seconds, in turn with
compaction beside it (at the pace and niceness as they come) and without; the effect is the median of the pairs' ratios.
Needs smtp-source (Debian's postfix).
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.storage_house import DOMAIN, deliver, prepared
from tests.integration.instance import Instance

COPIES = 4
SESSIONS = 32
LOAD = 2_000
WINDOW_SECONDS = 6.0
SETTLING_SECONDS = 13.0
FAST = "maintenance_bytes_per_second = 1000000000\n"
OPTIONS = "[delivery]\ndeadline_seconds = 3\n[storage]\n"
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
Row = dict[str, object]


def measure(folder: Path, mails: Sequence[bytes], pairs: int) -> list[Row]:
    if not shutil.which("smtp-source", path=PATH):
        print("compaction: left out, smtp-source is not installed")
        return []
    names = tuple(f"{number}a" for number in range(LOAD + 1))
    with prepared(folder / "mda", names, OPTIONS) as (instance, _):
        instance.write_settings('[lmtp]\nsocket_mode = "0666"\n[storage]\n')
        instance.start()
        for _ in range(COPIES):
            deliver(instance, names, mails)
        instance.stop()
        instance.write_settings(f'[lmtp]\nsocket_mode = "0666"\n{OPTIONS}{FAST}')
        time.sleep(SETTLING_SECONDS)
        octets, seconds = (float(word) for word in _compactor(instance).communicate()[0].split())
        print(f"compaction alone: {octets / seconds / 1e6:.1f} MB/s of {octets / 1e6:.0f} MB", flush=True)
        instance.write_settings(f'[lmtp]\nsocket_mode = "0666"\n{OPTIONS}')
        instance.start()
        _window(instance)
        windows = [(_window(instance), _beside(instance)) for _ in range(pairs)]
    effect = statistics.median(1 - beside / alone for alone, (beside, _) in windows)
    alone = statistics.median(alone for alone, _ in windows)
    beside = statistics.median(speed for _, (_, speed) in windows)
    print(f"delivery beside compaction of {beside / 1e6:.1f} MB/s: {effect:.1%} slower than {alone:,.0f}/s")
    return [
        {
            "compaction_mb_s": octets / seconds / 1e6,
            "delivery_s": alone,
            "delivery_slower_by": effect,
            "compaction_beside_mb_s": beside / 1e6,
            "pairs": [(alone, beside) for alone, (beside, _) in windows],
        }
    ]


def _compactor(instance: Instance) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bench.storage_compactor", str(instance.settings)], stdout=subprocess.PIPE, text=True
    )


def _beside(instance: Instance) -> tuple[float, float]:
    """The rate with compaction beside it, and how many octets a second that read. It is killed, as it may be; if it
    came to its end before, RuntimeError."""
    time.sleep(SETTLING_SECONDS)
    process = _compactor(instance)
    try:
        time.sleep(1.5)  # until it has started
        begin, before = time.monotonic(), _octets_read(process)
        rate = _window(instance)
        speed = (_octets_read(process) - before) / (time.monotonic() - begin)
        if process.poll() is not None:
            raise RuntimeError("compaction ended before the deliveries did")
    finally:
        process.kill()
        process.communicate()
    return rate, speed


def _octets_read(process: "subprocess.Popen[str]") -> int:
    """From files, by the kernel's count."""
    return int(Path(f"/proc/{process.pid}/io").read_text().split()[1])


def _window(instance: Instance) -> float:
    """Messages a second."""
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < WINDOW_SECONDS:
        words = f"smtp-source -L -d -N -s {SESSIONS} -m {LOAD} -l 2000 -f sender@example.org -t a@{DOMAIN}"
        subprocess.run([*words.split(), f"unix:{instance.socket}"], env={**os.environ, "PATH": PATH}, check=True)
        count += LOAD
    return count / (time.perf_counter() - begin)
