"""The zeros ahead of an open segment: batches go over them, and without them nothing is lost."""

import errno
import os
import random
from collections.abc import Callable, Sequence

from mda.identifiers import IdentifierSource
from mda.storage.encode import EncodedRecord
from mda.storage.location import segment_path
from mda.storage.reader import SegmentReader
from mda.storage.scan import Found, end_of_content, scan_segment
from mda.storage.seal import SealReason, read_seal
from mda.storage.segment import ROOM_BYTES
from mda.storage.shard import Shard
from mda.storage.syscalls import Syscalls
from mda.storage.writer import SegmentWriter

EncodeMessage = Callable[..., EncodedRecord]


def test_small_batches_are_written_over_zeros(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    writer, raws = SegmentWriter(shard, identifiers), [b"mail %d" % number for number in range(50)]
    locations = [writer.append([encode(raws[0])])[0]]
    path = segment_path(shard.root, locations[0].segment)
    assert path.stat().st_size == ROOM_BYTES
    for raw in raws[1:]:
        locations += writer.append([encode(raw)])
    assert path.stat().st_size == ROOM_BYTES, "no batch has made the file longer"
    assert [SegmentReader(shard).read(location) for location in locations] == raws
    assert all(isinstance(step, Found) for step in scan_segment(path))
    assert end_of_content(path) == locations[-1].end
    large = random.Random(1).randbytes(ROOM_BYTES)
    (after,) = writer.append([encode(large)])
    assert path.stat().st_size == after.end, "a large batch finds and leaves no room"
    locations += [after, *writer.append([encode(b"last")])]
    assert path.stat().st_size == 2 * ROOM_BYTES
    writer.close()
    assert path.stat().st_size == locations[-1].end, "what was left is given back"
    assert [SegmentReader(shard).read(location) for location in locations] == [*raws, large, b"last"]


def test_without_space_for_zeros_records_are_stored_all_the_same(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    class NoRoom(Syscalls):
        def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
            if any(buffers[0]):
                return super().pwritev(fd, buffers, offset)
            os.pwrite(fd, bytes(5000), offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer = SegmentWriter(shard, identifiers, system=NoRoom())
    for raw in (b"first", b"second"):
        (location,) = writer.append([encode(raw)])
        assert SegmentReader(shard).read(location) == raw
        assert segment_path(shard.root, location.segment).stat().st_size == location.end, "what is left is for records"


def test_zeros_that_can_not_be_given_back_do_no_harm(
    shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    class Rigid(Syscalls):
        def truncate(self, fd: int, length: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    writer = SegmentWriter(shard, identifiers, system=Rigid())
    (location,) = writer.append([encode(b"mail")])
    writer.close()
    seal = read_seal(shard.root, location.segment)
    assert seal is not None
    assert (seal.length, seal.reason) == (location.end, SealReason.CLOSED)
    assert segment_path(shard.root, location.segment).stat().st_size == ROOM_BYTES
    assert SegmentReader(shard).read(location) == b"mail"
