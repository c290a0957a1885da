"""Zeros before records: how many and when, what a full disk makes of them, and that they are gone in the end."""

import errno
import os
import random
from collections.abc import Callable, Sequence

import pytest

from mda.errors import MdaError, StorageUnavailable
from mda.identifiers import IdentifierSource
from mda.storage.abandoned import list_segments
from mda.storage.encode import EncodedRecord
from mda.storage.location import Location, segment_path
from mda.storage.reader import SegmentReader
from mda.storage.scan import Damage, scan_segment
from mda.storage.seal import SealReason, read_seal
from mda.storage.segment import ZEROS_BYTES
from mda.storage.shard import Shard
from mda.storage.syscalls import Syscalls
from mda.storage.writer import SegmentWriter

EncodeMessage = Callable[..., EncodedRecord]


class Watched(Syscalls):
    """The real calls; notes the file's length at each fdatasync. Zeros fail with `error`, half of them written."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.error = 0
        self.refused = 0

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        if self.error and not any(b"".join(buffers)):
            self.refused += 1
            os.pwritev(fd, [buffers[0][: len(buffers[0]) // 2]], offset)
            raise OSError(self.error, os.strerror(self.error))
        return super().pwritev(fd, buffers, offset)

    def fdatasync(self, fd: int) -> None:
        super().fdatasync(fd)
        self.lengths.append(os.fstat(fd).st_size)


@pytest.fixture
def system() -> Watched:
    return Watched()


@pytest.fixture
def troubles() -> list[MdaError]:
    return []


@pytest.fixture
def writer(shard: Shard, identifiers: IdentifierSource, system: Watched, troubles: list[MdaError]) -> SegmentWriter:
    return SegmentWriter(shard, identifiers, system=system, on_trouble=troubles.append)


@pytest.fixture
def record(encode: EncodeMessage) -> EncodedRecord:
    return encode(random.Random(1).randbytes(1500))


def size_of(shard: Shard, location: Location) -> int:
    return segment_path(shard.root, location.segment).stat().st_size


def test_length_changes_seldom(writer: SegmentWriter, system: Watched, record: EncodedRecord) -> None:
    ends = [writer.append([record])[0].end for _ in range(1000)]
    assert all(
        end <= length <= min(2 * end, end + ZEROS_BYTES) for end, length in zip(ends, system.lengths, strict=True)
    )
    assert len({*system.lengths}) < 20


def test_a_record_alone_is_no_longer_than_it_is(writer: SegmentWriter, system: Watched, record: EncodedRecord) -> None:
    assert writer.append([record])[0].end == system.lengths[-1]


def test_large_batches_have_no_zeros(writer: SegmentWriter, system: Watched, encode: EncodeMessage) -> None:
    large = encode(random.Random(1).randbytes(100_000))
    assert [writer.append([large])[0].end for _ in range(20)] == system.lengths


def test_zeros_end_where_the_segment_is_full(
    shard: Shard, identifiers: IdentifierSource, system: Watched, record: EncodedRecord
) -> None:
    writer = SegmentWriter(shard, identifiers, system=system, segment_bytes=40_000)
    for _ in range(200):
        writer.append([record])
    assert max(system.lengths) <= 40_000


@pytest.mark.parametrize("reason", [SealReason.FULL, SealReason.AGE, SealReason.CLOSED])
def test_sealed_segment_has_none(
    shard: Shard, writer: SegmentWriter, record: EncodedRecord, encode: EncodeMessage, reason: SealReason
) -> None:
    location = [writer.append([record])[0] for _ in range(20)][-1]
    assert size_of(shard, location) > location.end
    match reason:
        case SealReason.FULL:
            writer._segment_bytes = location.end
            writer.append([record])
        case SealReason.AGE:
            writer.flush_due(1e12)
        case _:
            writer.close()
    seal = read_seal(shard.root, location.segment)
    assert seal is not None
    assert (seal.reason, seal.length, size_of(shard, location)) == (reason, location.end, location.end)


def test_after_trouble_nothing_is_cut(
    shard: Shard, writer: SegmentWriter, system: Watched, record: EncodedRecord
) -> None:
    location = [writer.append([record])[0] for _ in range(20)][-1]
    length = size_of(shard, location)

    class Broken(Watched):
        def fdatasync(self, fd: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    system.__class__ = Broken
    with pytest.raises(StorageUnavailable):
        writer.append([record])
    seal = read_seal(shard.root, location.segment)
    assert seal is not None
    assert (seal.reason, seal.length) == (SealReason.TROUBLE, location.end)
    assert size_of(shard, location) == length > location.end


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_disk_without_room_for_zeros_has_it_for_mail(
    shard: Shard,
    writer: SegmentWriter,
    system: Watched,
    troubles: list[MdaError],
    record: EncodedRecord,
    error: int,
) -> None:
    system.error = error
    locations = [writer.append([record])[0] for _ in range(50)]
    assert system.lengths == [location.end for location in locations], "the room is given back at once"
    assert {location.segment for location in locations} == {locations[0].segment}
    assert troubles == []
    assert system.refused == 1, "nobody asks again and again"
    reader = SegmentReader(shard)
    assert len({reader.read(location) for location in locations}) == 1


def test_zeros_that_a_broken_disk_refuses_are_trouble(
    shard: Shard, writer: SegmentWriter, system: Watched, troubles: list[MdaError], record: EncodedRecord
) -> None:
    writer.append([record])
    (good,) = writer.append([record])  # what it lengthens the file by is less than a block
    system.error = errno.EIO
    with pytest.raises(StorageUnavailable):
        writer.append([record])
    assert len(troubles) == 1
    seal = read_seal(shard.root, good.segment)
    assert seal is not None
    assert (seal.reason, seal.length) == (SealReason.TROUBLE, good.end)


def test_open_segment_is_sound_to_its_end(shard: Shard, writer: SegmentWriter, record: EncodedRecord) -> None:
    for _ in range(30):
        end = writer.append([record])[0].end
        ((segment, _),) = list_segments(shard.root)
        steps = list(scan_segment(segment_path(shard.root, segment)))
        assert not [step for step in steps if isinstance(step, Damage)]
        assert steps[-1].end == end
