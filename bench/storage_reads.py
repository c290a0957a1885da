"""Random reads a second: whole messages and 4 KB of one, from a warm page cache and from the disk.

Ours is a reader that has the place, verifies the record's checksums and the message's digest, in Python; a file per
message is open, read, close, verifying nothing; Dovecot's is one imap process on a pipe, message by message. Before
each cold read the file's pages are dropped (posix_fadvise DONTNEED), off the clock; inodes and Dovecot's index stay.
What the machine below keeps of the disk is out of our hands. Rates are medians of rounds that alternate.
"""

import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import storage_dovecot
from mda.identifiers import IdentifierSource
from mda.storage.dictionaries import Dictionaries, install_base
from mda.storage.encode import Encoder
from mda.storage.location import segment_path
from mda.storage.reader import SegmentReader
from mda.storage.record import Target
from mda.storage.shard import Shard, create_shard
from mda.storage.writer import SegmentWriter

RANGE_BYTES = 4096
BATCH = 100
USER = "reader"
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Contestant:
    """`read` takes a message's number, and a range or None; `files` are those that hold it."""

    read: Callable[[int, tuple[int, int] | None], bytes]
    files: Callable[[int], Sequence[Path]]


def measure(folder: Path, kind: str, mails: Sequence[bytes], rounds: int, reads: int) -> list[Row]:
    rows: list[Row] = []
    with ExitStack() as stack:
        contestants = {
            "segments": stack.enter_context(_segments(folder / f"segments-{kind}", mails)),
            "files": _files(folder / f"files-{kind}", mails),
        }
        for name in storage_dovecot.FORMATS if storage_dovecot.is_there() else ():
            contestants[name] = stack.enter_context(_dovecot(folder / f"{name}-{kind}", name, mails))
        os.sync()
        for what, takes_range in (("whole", False), ("4 KB", True)):
            for heat, is_cold in (("warm", False), ("cold", True)):
                rows += _cell(kind, what, heat, contestants, mails, rounds, (takes_range, is_cold, reads))
    return rows


def _cell(
    kind: str,
    what: str,
    heat: str,
    contestants: Mapping[str, Contestant],
    mails: Sequence[bytes],
    rounds: int,
    how: tuple[bool, bool, int],
) -> Iterator[Row]:
    takes_range, is_cold, reads = how
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name, one in contestants.items():
            picks = _picks(mails, reads // 4 if is_cold else reads, takes_range, random.Random(number))
            if not is_cold:
                _run(one, mails, picks, is_cold=False)  # so that it is warm
            rates[name].append(_run(one, mails, picks, is_cold=is_cold))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(
        f"{kind}, {what}, {heat}: " + ", ".join(f"{name} {rate:,.0f}/s" for name, rate in medians.items()), flush=True
    )
    yield {"mails": kind, "what": what, "heat": heat, **{f"{name}_s": rate for name, rate in medians.items()}}


def _picks(
    mails: Sequence[bytes], count: int, takes_range: bool, source: random.Random
) -> list[tuple[int, tuple[int, int] | None]]:
    chosen = [source.randrange(len(mails)) for _ in range(count)]
    if not takes_range:
        return [(number, None) for number in chosen]
    return [(number, (source.randrange(max(1, len(mails[number]) - RANGE_BYTES)), RANGE_BYTES)) for number in chosen]


def _run(
    one: Contestant, mails: Sequence[bytes], picks: Sequence[tuple[int, tuple[int, int] | None]], *, is_cold: bool
) -> float:
    seconds = 0.0
    for number, span in picks:
        if is_cold:
            for path in one.files(number):
                _forget(path)
        begin = time.perf_counter()
        got = one.read(number, span)
        seconds += time.perf_counter() - begin
        wanted = mails[number] if span is None else mails[number][span[0] : sum(span)]
        if len(got) != len(wanted) or got != wanted:
            raise RuntimeError(f"message {number} {span}: {len(got)} octets for {len(wanted)}")
    return len(picks) / seconds


def _forget(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


@contextmanager
def _segments(root: Path, mails: Sequence[bytes]) -> Iterator[Contestant]:
    shard = Shard(1, "bench", root.as_uri())
    create_shard(root, shard.id, shard.name)
    install_base(root)
    encoder = Encoder(dictionaries=Dictionaries(root))
    writer = SegmentWriter(shard, IdentifierSource(), encoder=encoder)
    now = datetime.now(UTC)
    places = [
        place
        for first in range(0, len(mails), BATCH)
        for place in writer.append(
            [
                encoder.encode_message(raw, received_at=now, reverse_path="a@example.org", targets=(Target(1, 1 + at),))
                for at, raw in enumerate(mails[first : first + BATCH], first)
            ]
        )
    ]
    writer.close()
    reader = SegmentReader(shard)

    def read(number: int, span: tuple[int, int] | None) -> bytes:
        return reader.read(places[number]) if span is None else reader.read_range(places[number], *span)

    yield Contestant(read, lambda number: [segment_path(root, places[number].segment)])
    reader.close()


def _files(root: Path, mails: Sequence[bytes]) -> Contestant:
    root.mkdir()
    for number, raw in enumerate(mails):
        (root / str(number)).write_bytes(raw)

    def read(number: int, span: tuple[int, int] | None) -> bytes:
        fd = os.open(f"{root}/{number}", os.O_RDONLY)
        try:
            return os.read(fd, len(mails[number])) if span is None else os.pread(fd, span[1], span[0])
        finally:
            os.close(fd)

    return Contestant(read, lambda number: [root / str(number)])


@contextmanager
def _dovecot(folder: Path, name: str, mails: Sequence[bytes]) -> Iterator[Contestant]:
    store = storage_dovecot.Store(folder, name)
    store.fill(USER, mails)
    with store.session(USER) as session:

        def read(number: int, span: tuple[int, int] | None) -> bytes:
            return session.fetch(number + 1, "" if span is None else f"<{span[0]}.{span[1]}>")

        yield Contestant(read, lambda number: store.files_with(USER, number + 1))
