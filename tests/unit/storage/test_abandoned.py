"""Sealing what dead writers left: only theirs, at the last sound record, once."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mda.errors import StorageUnavailable
from mda.identifiers import IdentifierSource
from mda.storage.abandoned import SweptSegment, UnsweptSegment, list_open, seal_abandoned
from mda.storage.encode import EncodedRecord
from mda.storage.location import Location, segment_path
from mda.storage.record import Flaw
from mda.storage.seal import SealReason, read_seal
from mda.storage.shard import MARKER, Shard
from mda.storage.writer import SegmentWriter

EncodeMessage = Callable[..., EncodedRecord]
ROOT = Path(__file__).parents[3]

WORKER = """
import sys
from datetime import UTC, datetime
from mda.identifiers import IdentifierSource
from mda.storage.encode import Encoder
from mda.storage.record import Target
from mda.storage.shard import Shard
from mda.storage.writer import SegmentWriter

writer, encoder = SegmentWriter(Shard(0xA1, "first", sys.argv[1]), IdentifierSource()), Encoder()
for line in sys.stdin:
    record = encoder.encode_message(
        line.encode(), received_at=datetime.now(UTC), reverse_path="", targets=[Target(1, 2)]
    )
    (location,) = writer.append([record])
    print(location.segment, location.offset, location.length, flush=True)
"""


class Worker:
    """Another process with a writer of its own."""

    def __init__(self, shard: Shard) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, shard.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def append(self, text: str) -> Location:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return Location(*map(int, self.process.stdout.readline().split()))

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def worker(shard: Shard) -> Iterator[Worker]:
    started = Worker(shard)
    yield started
    started.kill()


def orphan(shard: Shard, segment: int, content: bytes) -> None:
    """A segment as a dead writer leaves it: no lock, no seal."""
    path = segment_path(shard.root, segment)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def swept(shard: Shard) -> SweptSegment:
    (result,) = seal_abandoned(shard)
    assert isinstance(result, SweptSegment)
    return result


def test_living_writers_segment_is_left_alone_and_a_dead_ones_is_sealed(shard: Shard, worker: Worker) -> None:
    worker.append("one")
    last = worker.append("two")
    assert seal_abandoned(shard) == ()
    worker.append("three")
    last = worker.append("four")
    worker.kill()
    result = swept(shard)
    assert (result.seal.segment, result.seal.length, result.record_count) == (last.segment, last.end, 4)
    assert result.seal.reason is SealReason.ABANDONED
    assert result.damages == ()
    assert read_seal(shard.root, last.segment) == result.seal
    assert seal_abandoned(shard) == ()


def test_own_open_segment_is_left_alone(shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage) -> None:
    writer = SegmentWriter(shard, identifiers)
    writer.append([encode(b"x")])
    assert seal_abandoned(shard) == ()
    writer.append([encode(b"y")])
    assert len(list_open(shard.root)) == 1


def test_torn_last_record_is_behind_the_seal(shard: Shard, encode: EncodeMessage) -> None:
    first, second = encode(b"first"), encode(b"second")
    whole = first.head + first.body
    orphan(shard, 77, whole + (second.head + second.body)[:-1])
    result = swept(shard)
    assert (result.seal.length, result.record_count) == (len(whole), 1)
    assert [damage.flaw for damage in result.damages] == [Flaw.TRUNCATED]


def test_room_behind_the_last_record_is_no_damage(shard: Shard, encode: EncodeMessage) -> None:
    first, second = encode(b"first"), encode(b"second")
    whole = first.head + first.body
    orphan(shard, 77, whole + bytes(1000))
    result = swept(shard)
    assert (result.seal.length, result.record_count, result.damages) == (len(whole), 1, ())
    assert segment_path(shard.root, 77).read_bytes() == whole
    orphan(shard, 78, whole + second.head + bytes(1000))
    result = swept(shard)
    assert (result.seal.length, result.record_count) == (len(whole), 1)
    assert [damage.flaw for damage in result.damages] == [Flaw.BODY_CHECKSUM]
    assert segment_path(shard.root, 78).read_bytes().rstrip(b"\0") == (whole + second.head).rstrip(b"\0")


def test_damage_in_the_middle_does_not_hide_what_follows(shard: Shard, encode: EncodeMessage) -> None:
    record = encode(b"record")
    whole = record.head + record.body
    orphan(shard, 77, whole + b"noise" + whole)
    result = swept(shard)
    assert (result.seal.length, result.record_count, len(result.damages)) == (2 * len(whole) + 5, 2, 1)


def test_empty_segment_is_sealed_at_nothing(shard: Shard) -> None:
    orphan(shard, 77, b"")
    assert swept(shard).seal.length == 0


def test_many_sweeps_at_once_seal_each_segment_once(shard: Shard, encode: EncodeMessage) -> None:
    record = encode(b"record")
    for segment in range(40):
        orphan(shard, segment << 44, record.head + record.body)
    with ThreadPoolExecutor(4) as pool:
        results = [result for part in pool.map(seal_abandoned, [shard] * 4) for result in part]
    assert sorted(result.seal.segment for result in results if isinstance(result, SweptSegment)) == [
        segment << 44 for segment in range(40)
    ]
    assert list_open(shard.root) == ()


def test_foreign_files_are_left_alone(shard: Shard) -> None:
    (shard.root / "lost+found").mkdir()
    (shard.root / "abcde").mkdir()
    (shard.root / "abcde" / "notes.seg").write_text("x")
    (shard.root / "abcde" / "0000000000000001.seg").write_text("in the wrong folder")
    assert seal_abandoned(shard) == ()


def test_unreadable_segment_does_not_keep_the_others_open(shard: Shard, encode: EncodeMessage) -> None:
    record = encode(b"record")
    orphan(shard, 77, b"")
    segment_path(shard.root, 77).unlink()
    segment_path(shard.root, 77).mkdir()
    orphan(shard, 78, record.head + record.body)
    results = seal_abandoned(shard)
    assert [type(result) for result in results] == [UnsweptSegment, SweptSegment]
    assert list_open(shard.root) == (77,)


def test_without_marker_nothing_is_sealed(shard: Shard) -> None:
    orphan(shard, 77, b"")
    (shard.root / MARKER).unlink()
    with pytest.raises(StorageUnavailable):
        seal_abandoned(shard)
    assert list_open(shard.root) == (77,)


def test_damaged_seal_is_no_seal(shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage) -> None:
    writer = SegmentWriter(shard, identifiers)
    (location,) = writer.append([encode(b"x")])
    writer.close()
    path = segment_path(shard.root, location.segment).with_suffix(".seal")
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert read_seal(shard.root, location.segment) is None
