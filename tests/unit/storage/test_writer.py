"""Appending: locations, segments and their seals, commit records, and the order in which things become durable."""

import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from mda.errors import MdaError, StorageUnavailable
from mda.identifiers import IdentifierSource
from mda.storage import pending
from mda.storage.abandoned import list_open, list_segments
from mda.storage.body import Codecs
from mda.storage.commits import CommitRecord, unpack_commits
from mda.storage.decode import decode_record
from mda.storage.encode import EncodedRecord, Encoder
from mda.storage.location import Location, seal_path, segment_path
from mda.storage.reader import SegmentReader, read
from mda.storage.record import Kind, Target
from mda.storage.scan import Found, scan_segment
from mda.storage.seal import SealReason, read_seal
from mda.storage.shard import MARKER, Shard
from mda.storage.syscalls import Syscalls
from mda.storage.writer import SegmentWriter

EncodeMessage = Callable[..., EncodedRecord]


class Watched(Syscalls):
    """The real calls, each noted with the path it worked on."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def note(self, call: str, fd: int) -> None:
        self.calls.append((call, str(Path(f"/proc/self/fd/{fd}").readlink())))

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self.note("create", fd)
        return fd

    def mkdir(self, path: Path) -> None:
        super().mkdir(path)
        self.calls.append(("mkdir", str(path)))

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        self.note("pwritev", fd)
        return super().pwritev(fd, buffers, offset)

    def fdatasync(self, fd: int) -> None:
        self.note("fdatasync", fd)
        super().fdatasync(fd)

    def fsync(self, fd: int) -> None:
        self.note("fsync", fd)
        super().fsync(fd)


def commits_in(root: Path) -> list[CommitRecord]:
    """All commit records of the shard, oldest segment first."""
    codecs = Codecs()
    return [
        entry
        for segment, _ in list_segments(root)
        for step in scan_segment(segment_path(root, segment))
        if isinstance(step, Found) and step.header.kind is Kind.COMMIT
        for entry in unpack_commits(decode_record(step.stored, codecs).raw)
    ]


def test_locations_are_where_the_records_are(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    writer = SegmentWriter(shard, identifiers)
    raws = [b"message %d" % number * number for number in range(50)]
    locations = [*writer.append([encode(raw) for raw in raws[:20]]), *writer.append([encode(raw) for raw in raws[20:]])]
    reader = SegmentReader(shard)
    assert [reader.read(location) for location in locations] == raws
    assert {location.segment for location in locations} == {locations[0].segment}
    assert all(before.end == after.offset for before, after in pairwise(locations))
    assert writer.append([]) == ()


def test_batch_is_one_write_and_one_sync_behind_folder_syncs(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    system = Watched()
    writer = SegmentWriter(shard, identifiers, system=system)
    (location,) = writer.append([encode(b"first")])
    path = segment_path(shard.root, location.segment)
    file, folder, root = str(path), str(path.parent), str(shard.root)
    assert system.calls == [
        ("mkdir", folder),
        ("fsync", root),
        ("create", file),
        ("fsync", folder),
        ("pwritev", file),  # zeros
        ("pwritev", file),
        ("fdatasync", file),
    ]
    system.calls.clear()
    writer.append([encode(b"mail %d" % number) for number in range(100)])
    assert system.calls == [("pwritev", file), ("fdatasync", file)]


def test_large_batch_and_short_writes(shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage) -> None:
    class Short(Syscalls):
        def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
            whole = b"".join(buffers)
            return os.pwrite(fd, whole[: random.randint(1, 4000)], offset)

    raws = [b"%d" % number for number in range(1500)]
    writer = SegmentWriter(shard, identifiers)
    locations = writer.append([encode(raw) for raw in raws])  # 3,000 buffers: more than IOV_MAX
    reader = SegmentReader(shard)
    assert [reader.read(location) for location in locations] == raws
    short = SegmentWriter(shard, identifiers, system=Short())
    locations = short.append([encode(raw) for raw in raws])
    assert [reader.read(location) for location in locations] == raws


def test_full_segment_is_sealed_and_the_next_begun(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    writer = SegmentWriter(shard, identifiers, segment_bytes=4000)
    raw = random.Random(1).randbytes(900)
    locations = [writer.append([encode(raw)])[0] for _ in range(9)]
    segments = list(dict.fromkeys(location.segment for location in locations))
    assert len(segments) == 3
    for segment in segments[:2]:
        seal = read_seal(shard.root, segment)
        assert seal is not None
        assert (seal.reason, seal.length) == (SealReason.FULL, segment_path(shard.root, segment).stat().st_size)
        assert seal.length <= 4000
    assert read_seal(shard.root, segments[2]) is None
    (big,) = writer.append([encode(random.Random(1).randbytes(9000))])
    assert big.offset == 0


def test_old_segment_is_sealed(shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage) -> None:
    writer = SegmentWriter(shard, identifiers, segment_age_seconds=100)
    (location,) = writer.append([encode(b"x")])
    writer.flush_due(time.monotonic() + 50)
    assert read_seal(shard.root, location.segment) is None
    writer.flush_due(time.monotonic() + 101)
    seal = read_seal(shard.root, location.segment)
    assert seal is not None
    assert seal.reason is SealReason.AGE
    assert writer.append([encode(b"y")])[0].segment != location.segment


def test_age_counts_without_flush_due(shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage) -> None:
    writer = SegmentWriter(shard, identifiers, segment_age_seconds=0)
    first, second = writer.append([encode(b"x")])[0], writer.append([encode(b"y")])[0]
    assert first.segment != second.segment


def test_close_seals_and_a_new_writer_begins_anew(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    writer = SegmentWriter(shard, identifiers)
    (location,) = writer.append([encode(b"x")])
    writer.close()
    writer.close()
    seal = read_seal(shard.root, location.segment)
    assert seal is not None
    assert (seal.reason, seal.length) == (SealReason.CLOSED, location.end)
    with pytest.raises(StorageUnavailable, match="closed"):
        writer.append([encode(b"y")])
    again = SegmentWriter(shard, identifiers)
    assert again.append([encode(b"y")])[0].segment != location.segment


def test_writer_that_wrote_nothing_leaves_nothing(shard: Shard, identifiers: IdentifierSource) -> None:
    SegmentWriter(shard, identifiers).close()
    assert [entry.name for entry in shard.root.iterdir()] == [MARKER]


def test_taken_name_is_passed_over(shard: Shard, encode: EncodeMessage) -> None:
    class Given(IdentifierSource):
        def __init__(self) -> None:
            super().__init__()
            self.given = iter([7, 8, 9])

        def next(self) -> int:
            return next(self.given)

    segment_path(shard.root, 7).parent.mkdir()
    segment_path(shard.root, 7).write_bytes(b"another's")
    # A sweep came between create and lock: the seal says that 8 takes no more.
    segment_path(shard.root, 8).with_suffix(".seal").write_bytes(b"")
    (location,) = SegmentWriter(shard, Given()).append([encode(b"x")])
    assert location.segment == 9
    assert segment_path(shard.root, 7).read_bytes() == b"another's"


def test_unmounted_disk_is_never_written_to(shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage) -> None:
    (shard.root / MARKER).unlink()
    writer = SegmentWriter(shard, identifiers)
    with pytest.raises(StorageUnavailable, match="disk mounted"):
        writer.append([encode(b"x")])
    assert list(shard.root.iterdir()) == []


def test_commits_go_with_the_next_append(shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage) -> None:
    system = Watched()
    writer = SegmentWriter(shard, identifiers, system=system)
    writer.append([encode(b"x")])
    commits = [CommitRecord(1, 2, number, 4, bytes([number]) * 16) for number in range(1, 10)]
    writer.note_commits(commits[:4])
    writer.note_commits(commits[4:])
    assert commits_in(shard.root) == []
    system.calls.clear()
    locations = writer.append([encode(b"y"), encode(b"z")])
    assert [call for call, _ in system.calls] == ["pwritev", "fdatasync"]
    assert [SegmentReader(shard).read(location) for location in locations] == [b"y", b"z"]
    assert commits_in(shard.root) == commits


def test_commits_are_gathered(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("mda.storage.pending.time.monotonic", lambda: now)
    writer = SegmentWriter(shard, identifiers, gather_seconds=0.5)
    first, second = CommitRecord(1, 2, 3, 4), CommitRecord(5, 6, 7, 8)
    writer.note_commits([first])
    now += 0.4
    writer.append([encode(b"x")])
    writer.note_commits([second])
    assert commits_in(shard.root) == []
    now += 0.1
    writer.append([encode(b"y")])
    assert commits_in(shard.root) == [first, second]


def test_commits_are_written_when_time_asks_and_at_close(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    writer = SegmentWriter(shard, identifiers, gather_seconds=60)
    first, second = CommitRecord(1, 2, 3, 4), CommitRecord(5, 6, 7, 8)
    writer.note_commits([first])
    writer.flush_due(time.monotonic())
    assert commits_in(shard.root) == []
    writer.flush_due(time.monotonic() + 0.5)
    assert commits_in(shard.root) == [first]
    writer.note_commits([second])
    writer.close()
    assert commits_in(shard.root) == [first, second]
    assert list_open(shard.root) == ()


def test_commits_that_failed_wait_for_the_next_append(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    writer = SegmentWriter(shard, identifiers)
    first, second = CommitRecord(1, 2, 3, 4), CommitRecord(5, 6, 7, 8)
    writer.note_commits([first])
    marker = (shard.root / MARKER).rename(shard.root / "away")
    with pytest.raises(StorageUnavailable):
        writer.append([encode(b"x")])
    marker.rename(shard.root / MARKER)
    writer.note_commits([second])
    writer.append([encode(b"x")])
    assert commits_in(shard.root) == [first, second]
    assert writer.dropped_commits == 0


def test_waiting_commits_are_bounded(shard: Shard, identifiers: IdentifierSource) -> None:
    writer = SegmentWriter(shard, identifiers)
    many = [CommitRecord(1, 2, 3, number) for number in range(pending.MAX_PENDING)]
    writer.note_commits(many)
    assert writer.dropped_commits == 0
    writer.note_commits([CommitRecord(1, 2, 3, -1), CommitRecord(1, 2, 3, -2)])
    assert writer.dropped_commits == 2
    writer.close()
    kept = [entry.content_id for entry in commits_in(shard.root)]
    assert kept == [*range(2, pending.MAX_PENDING), -1, -2]


def test_two_writers_in_threads_and_commits_from_a_third(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    writers = [SegmentWriter(shard, identifiers, segment_bytes=20_000) for _ in range(2)]
    stop = threading.Event()

    def note() -> int:
        noted = 0
        while not stop.is_set() or noted == 0:
            writers[0].note_commits([CommitRecord(1, 2, 3, noted)])
            noted += 1
            time.sleep(0.0005)
        return noted

    def write(number: int) -> list[tuple[Location, bytes]]:
        placed: list[tuple[Location, bytes]] = []
        for turn in range(60):
            raws = [random.randbytes(300) for _ in range(turn % 4 + 1)]
            placed += zip(writers[number].append([encode(raw) for raw in raws]), raws, strict=True)
        return placed

    with ThreadPoolExecutor(3) as pool:
        noting = pool.submit(note)
        written = list(pool.map(write, range(2)))
        stop.set()
        noted = noting.result()
    for writer in writers:
        writer.close()
    assert not {at.segment for at, _ in written[0]} & {at.segment for at, _ in written[1]}
    reader = SegmentReader(shard)
    assert all(reader.read(at) == raw for placed in written for at, raw in placed)
    assert sorted(entry.content_id for entry in commits_in(shard.root)) == list(range(noted))
    assert list_open(shard.root) == ()


def test_encoding_in_other_threads(shard: Shard, identifiers: IdentifierSource) -> None:
    encoder = Encoder(3)
    raws = [b"mail %d " % number * 2000 for number in range(64)]

    def encode(raw: bytes) -> EncodedRecord:
        return encoder.encode_message(raw, received_at=datetime.now(UTC), reverse_path="", targets=[Target(1, 2)])

    with ThreadPoolExecutor(8) as pool:
        locations = SegmentWriter(shard, identifiers).append(list(pool.map(encode, raws)))
    reader = SegmentReader(shard)
    assert [reader.read(location) for location in locations] == raws


def test_a_segment_that_was_removed_takes_no_more_mail(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    """The open file would take it, and nobody would ever find it."""
    troubles: list[MdaError] = []
    writer = SegmentWriter(shard, identifiers, on_trouble=troubles.append)
    (lost,) = writer.append([encode(b"first")])
    segment_path(shard.root, lost.segment).unlink()
    (kept,) = writer.append([encode(b"second")])
    writer.close()
    assert kept.segment != lost.segment
    assert read(shard, kept) == b"second"
    assert [trouble.message.rpartition(": ")[2] for trouble in troubles] == [
        "its segment was removed, or its disk unmounted"
    ]
    assert not seal_path(shard.root, lost.segment).exists()


def test_a_shard_whose_disk_went_away_under_an_open_segment(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    """As by umount -l: the folder is empty, the open file is elsewhere and comes back with its disk."""
    writer = SegmentWriter(shard, identifiers)
    (first,) = writer.append([encode(b"first")])
    away = shard.root.rename(shard.root.with_name("away"))
    shard.root.mkdir()
    with pytest.raises(StorageUnavailable, match="no marker"):
        writer.append([encode(b"second")])
    shard.root.rmdir()
    away.rename(shard.root)
    (third,) = writer.append([encode(b"third")])
    writer.close()
    assert (read(shard, first), read(shard, third)) == (b"first", b"third")
