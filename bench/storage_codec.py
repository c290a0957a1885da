"""Ratio and speed of what a body is compressed with: nothing, the package's kind of dictionary, one of the same mail.

Dictionaries are trained on one half of the corpus, and everything is measured on the other. Speeds are MB of raw mail a
second on one core, digest and checksums left out, medians of rounds that alternate.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mda.maintenance.dictionary import MOST_SAMPLE_BYTES
from mda.storage import dictionaries
from mda.storage.body import FRAME_BYTES, Codecs
from mda.storage.dictionaries import Dictionaries
from tools import build_base_dictionary

Row = dict[str, object]


def measure(taught: Sequence[bytes], measured: Sequence[bytes], rounds: int) -> list[Row]:
    mails = [raw for raw in measured if len(raw) <= FRAME_BYTES]
    raw_bytes = sum(map(len, mails))
    with tempfile.TemporaryDirectory(prefix="mda-bench-") as folder:
        root = Path(folder)
        base = dictionaries.install(root, build_base_dictionary.build(taught))
        samples = [raw[:MOST_SAMPLE_BYTES] for raw in taught]
        own = dictionaries.install(root, dictionaries.train(samples, dictionaries.next_id(root)))
        codecs = Codecs(dictionaries=Dictionaries(root))
        kinds = {"none": 0, "as the package's": base, "of the same mail": own}
        packed = {name: [bytes(codecs.compress(raw, number)) for raw in mails] for name, number in kinds.items()}
        speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
        for _ in range(rounds):
            for name, number in kinds.items():
                speeds[name].append(_speeds(codecs, mails, packed[name], number))
    rows: list[Row] = []
    for name in kinds:
        ratio = raw_bytes / sum(map(len, packed[name]))
        packing, unpacking = (statistics.median(speed[which] for speed in speeds[name]) for which in (0, 1))
        print(f"dictionary {name:16}: ratio {ratio:.2f}, {packing:5.0f} MB/s in, {unpacking:5.0f} MB/s out", flush=True)
        rows.append({"dictionary": name, "ratio": ratio, "compress_mb_s": packing, "decompress_mb_s": unpacking})
    return rows


def _speeds(codecs: Codecs, mails: Sequence[bytes], packed: Sequence[bytes], number: int) -> tuple[float, float]:
    raw_bytes = sum(map(len, mails))

    def pack() -> None:
        for raw in mails:
            codecs.compress(raw, number)

    def unpack() -> None:
        for raw, stored in zip(mails, packed, strict=True):
            codecs.decompress(stored, len(raw), number)

    return raw_bytes / _seconds(pack) / 1e6, raw_bytes / _seconds(unpack) / 1e6


def _seconds(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
