"""Durable appends a second by batch size, beside one file per message: write, fdatasync, rename, the folder's fsync.

Ours includes compression, digest and checksums, one thread; medians of rounds that alternate.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mda.identifiers import IdentifierSource
from mda.storage.dictionaries import Dictionaries, install_base
from mda.storage.encode import Encoder
from mda.storage.record import Target
from mda.storage.shard import Shard, create_shard
from mda.storage.writer import SegmentWriter

BATCHES = (1, 4, 16, 64, 256)
Row = dict[str, object]


def measure(folder: Path, mails: Sequence[bytes], rounds: int) -> list[Row]:
    rates: dict[int, list[float]] = {batch: [] for batch in (0, *BATCHES)}
    for _ in range(rounds):
        rates[0].append(_files(folder, mails[:300]))
        for batch in BATCHES:
            rates[batch].append(_segments(folder, mails[: 300 if batch < 16 else 1500], batch))
    rows: list[Row] = []
    files = statistics.median(rates[0])
    print(f"append, one file per message: {files:,.0f}/s")
    for batch in BATCHES:
        rate = statistics.median(rates[batch])
        print(f"append, batches of {batch:3}: {rate:7,.0f}/s, {rate / files:.1f} times files", flush=True)
        rows.append({"batch": batch, "messages_s": rate, "files_messages_s": files, "ratio": rate / files})
    return rows


def _segments(folder: Path, mails: Sequence[bytes], batch: int) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        shard = Shard(1, "bench", Path(place, "shard").as_uri())
        create_shard(shard.root, shard.id, shard.name)
        install_base(shard.root)
        encoder = Encoder(dictionaries=Dictionaries(shard.root))
        writer = SegmentWriter(shard, IdentifierSource(), encoder=encoder)
        now = datetime.now(UTC)
        begin = time.perf_counter()
        for first in range(0, len(mails), batch):
            writer.append(
                [
                    encoder.encode_message(raw, received_at=now, reverse_path="", targets=(Target(1, first + at),))
                    for at, raw in enumerate(mails[first : first + batch])
                ]
            )
        seconds = time.perf_counter() - begin
        writer.close()
    return len(mails) / seconds


def _files(folder: Path, mails: Sequence[bytes]) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        root = os.open(place, os.O_RDONLY)
        begin = time.perf_counter()
        for number, raw in enumerate(mails):
            fd = os.open(f"{place}/t{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(fd, raw)
            os.fdatasync(fd)
            os.close(fd)
            Path(place, f"t{number}").rename(f"{place}/{number}")
            os.fsync(root)
        seconds = time.perf_counter() - begin
        os.close(root)
    return len(mails) / seconds
