"""Trouble: full disks, short writes, failing syncs. What was acknowledged stays; what was not is never believed."""

import contextlib
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mda.errors import MdaError, StorageFull, StorageUnavailable
from mda.identifiers import IdentifierSource
from mda.storage.abandoned import list_open, list_segments
from mda.storage.commits import CommitRecord
from mda.storage.encode import EncodedRecord
from mda.storage.location import segment_path
from mda.storage.reader import SegmentReader
from mda.storage.scan import Found, scan_segment
from mda.storage.seal import SealReason, read_seal
from mda.storage.shard import Shard
from mda.storage.syscalls import Syscalls
from mda.storage.writer import SegmentWriter

EncodeMessage = Callable[..., EncodedRecord]
ROOT = Path(__file__).parents[3]


class Failing(Syscalls):
    """The real calls, until one is told to fail: it then fails with `error` the next `times` times. A sync that fails
    has not happened; a write that fails has written half of its first buffer."""

    def __init__(self) -> None:
        self.failing = ""
        self.error = 0
        self.times = 0

    def fail(self, call: str, error: int, times: int = 1) -> None:
        self.failing, self.error, self.times = call, error, times

    def check(self, call: str) -> None:
        if call == self.failing and self.times:
            self.times -= 1
            raise OSError(self.error, os.strerror(self.error))

    def create(self, path: Path) -> int:
        self.check("create seal" if path.name.startswith(".") else "create")
        return super().create(path)

    def mkdir(self, path: Path) -> None:
        self.check("mkdir")
        super().mkdir(path)

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        try:
            self.check("pwritev")
        except OSError:
            os.pwrite(fd, buffers[0][: len(buffers[0]) // 2], offset)
            raise
        return super().pwritev(fd, buffers, offset)

    def fdatasync(self, fd: int) -> None:
        self.check("fdatasync")
        super().fdatasync(fd)

    def fsync(self, fd: int) -> None:
        self.check("fsync")
        super().fsync(fd)


@pytest.fixture
def system() -> Failing:
    return Failing()


@pytest.fixture
def troubles() -> list[MdaError]:
    return []


@pytest.fixture
def writer(shard: Shard, identifiers: IdentifierSource, system: Failing, troubles: list[MdaError]) -> SegmentWriter:
    return SegmentWriter(shard, identifiers, system=system, on_trouble=troubles.append)


@pytest.mark.parametrize("call", ["pwritev", "fdatasync"])
@pytest.mark.parametrize(
    ("error", "expected"),
    [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, StorageUnavailable)],
)
def test_hopeless_errors_are_not_tried_again(
    shard: Shard,
    writer: SegmentWriter,
    system: Failing,
    troubles: list[MdaError],
    encode: EncodeMessage,
    call: str,
    error: int,
    expected: type[StorageUnavailable],
) -> None:
    (good,) = writer.append([encode(b"good")])
    system.fail(call, error)
    with pytest.raises(expected) as caught:
        writer.append([encode(b"bad")])
    assert type(caught.value) is expected
    assert "first" in caught.value.message
    assert caught.value.remedy
    assert troubles == [caught.value]
    seal = read_seal(shard.root, good.segment)
    assert seal is not None
    assert (seal.reason, seal.length) == (SealReason.TROUBLE, good.end)
    (after,) = writer.append([encode(b"after")])
    assert after.segment != good.segment
    reader = SegmentReader(shard)
    assert (reader.read(good), reader.read(after)) == (b"good", b"after")


@pytest.mark.parametrize("call", ["pwritev", "fdatasync"])
def test_other_errors_are_tried_once_in_a_fresh_segment(
    shard: Shard, writer: SegmentWriter, system: Failing, troubles: list[MdaError], encode: EncodeMessage, call: str
) -> None:
    (good,) = writer.append([encode(b"good")])
    system.fail(call, errno.ESTALE)
    (moved,) = writer.append([encode(b"moved")])
    assert moved.segment != good.segment
    assert SegmentReader(shard).read(moved) == b"moved"
    assert len(troubles) == 1
    seal = read_seal(shard.root, good.segment)
    assert seal is not None
    assert seal.length == good.end
    system.fail(call, errno.ESTALE, times=3)  # the batch, the seal (a write, too), the batch again
    with pytest.raises(StorageUnavailable):
        writer.append([encode(b"bad")])
    assert len(troubles) == 3


@pytest.mark.parametrize("call", ["mkdir", "create", "fsync", "pwritev", "fdatasync"])
def test_failed_first_append_leaves_no_segment(
    shard: Shard, writer: SegmentWriter, system: Failing, encode: EncodeMessage, call: str
) -> None:
    system.fail(call, errno.ENOSPC, times=50)
    for _ in range(20):
        with pytest.raises(StorageFull):
            writer.append([encode(b"bad")])
    assert list(list_segments(shard.root)) == []
    system.fail("", 0)
    assert SegmentReader(shard).read(writer.append([encode(b"good")])[0]) == b"good"


def test_zeros_that_the_disk_refuses_are_trouble_like_any(
    shard: Shard, writer: SegmentWriter, system: Failing, encode: EncodeMessage
) -> None:
    system.fail("pwritev", errno.EIO)
    with pytest.raises(StorageUnavailable):
        writer.append([encode(b"bad")])
    assert list(list_segments(shard.root)) == []
    assert SegmentReader(shard).read(writer.append([encode(b"good")])[0]) == b"good"


def test_unsynced_bytes_are_behind_the_seal(
    shard: Shard, writer: SegmentWriter, system: Failing, encode: EncodeMessage
) -> None:
    (good,) = writer.append([encode(b"good")])
    system.fail("fdatasync", errno.EIO)
    with pytest.raises(StorageUnavailable):
        writer.append([encode(b"bad")])
    path = segment_path(shard.root, good.segment)
    seal = read_seal(shard.root, good.segment)
    assert seal is not None
    assert [step.end for step in scan_segment(path) if isinstance(step, Found)][-1] > seal.length, "nothing is cut off"
    assert [step.end for step in scan_segment(path, seal.length) if isinstance(step, Found)] == [good.end]


def test_seal_that_fails_is_written_later(
    shard: Shard, writer: SegmentWriter, system: Failing, encode: EncodeMessage
) -> None:
    (good,) = writer.append([encode(b"good")])

    class BothFail(Failing):
        def check(self, call: str) -> None:
            if call in ("fdatasync", "create seal") and self.times:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    system.__class__ = BothFail
    system.times = 1
    with pytest.raises(StorageFull):
        writer.append([encode(b"bad")])
    assert read_seal(shard.root, good.segment) is None
    system.times = 0
    (after,) = writer.append([encode(b"after")])
    assert after.segment != good.segment
    writer.flush_due(0)
    seal = read_seal(shard.root, good.segment)
    assert seal is not None
    assert (seal.reason, seal.length) == (SealReason.TROUBLE, good.end)


def open_files_below(root: Path) -> int:
    entries = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]  # noqa: PTH208
    return sum(os.path.realpath(entry).startswith(str(root)) for entry in entries)


def test_open_descriptors_stay_few_while_seals_fail(
    shard: Shard, writer: SegmentWriter, system: Failing, encode: EncodeMessage
) -> None:
    class SealsFail(Failing):
        def check(self, call: str) -> None:
            if call == "create seal" or (call == "fdatasync" and self.times):
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    system.__class__ = SealsFail
    for _ in range(30):
        system.times = 0
        writer.append([encode(b"good")])
        system.times = 1
        with pytest.raises(StorageUnavailable):
            writer.append([encode(b"bad")])
    assert len(list_open(shard.root)) == 30
    assert 8 <= open_files_below(shard.root) <= 10
    writer.close()
    assert open_files_below(shard.root) == 0


def test_failure_that_is_no_oserror_gives_the_segment_up(
    shard: Shard, writer: SegmentWriter, system: Failing, encode: EncodeMessage
) -> None:
    (good,) = writer.append([encode(b"good")])

    class NoMemory(Failing):
        def fdatasync(self, fd: int) -> None:
            raise MemoryError

    system.__class__ = NoMemory
    with pytest.raises(MemoryError):
        writer.append([encode(b"bad")])
    system.__class__ = Failing
    assert writer.append([encode(b"after")])[0].segment != good.segment


def test_real_enospc_of_dev_full(shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage) -> None:
    class Full(Syscalls):
        def create(self, path: Path) -> int:
            path.symlink_to("/dev/full")
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    writer = SegmentWriter(shard, identifiers, system=Full())
    with pytest.raises(StorageFull, match="No space left"):
        writer.append([encode(b"x")])


LIMITED = """
import json, resource, sys
from datetime import UTC, datetime
from mda.identifiers import IdentifierSource
from mda.storage.encode import Encoder
from mda.storage.record import Target
from mda.storage.shard import Shard
from mda.storage.writer import SegmentWriter
import random

resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
troubles = []
writer = SegmentWriter(Shard(0xA1, "first", sys.argv[1]), IdentifierSource(), on_trouble=troubles.append)
encoder = Encoder()
places = []
for seed in range(12):
    record = encoder.encode_message(
        random.Random(seed).randbytes(3000), received_at=datetime.now(UTC), reverse_path="", targets=[Target(1, seed)]
    )
    (location,) = writer.append([record])
    places.append((location.segment, location.offset, location.length))
writer.close()
print(json.dumps({"places": places, "troubles": [str(trouble) for trouble in troubles]}))
"""


def test_real_short_writes(shard: Shard) -> None:
    """RLIMIT_FSIZE makes the kernel write a part and then refuse with EFBIG; Python ignores SIGXFSZ."""
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, shard.url], capture_output=True, text=True, cwd=ROOT, check=True
    )
    result = json.loads(run.stdout)
    assert len(result["troubles"]) == 3
    assert "File too large" in result["troubles"][0]
    segments = dict.fromkeys(segment for segment, _, _ in result["places"])
    assert len(segments) == 4
    for segment in list(segments)[:3]:
        seal = read_seal(shard.root, segment)
        assert seal is not None
        assert seal.reason is SealReason.TROUBLE
        assert seal.length < segment_path(shard.root, segment).stat().st_size == 10_000
    assert list_open(shard.root) == ()


FILLED = """
import sys, random
from datetime import UTC, datetime
from pathlib import Path
from mda.errors import StorageFull
from mda.identifiers import IdentifierSource
from mda.storage.abandoned import list_segments
from mda.storage.encode import Encoder
from mda.storage.reader import SegmentReader
from mda.storage.record import Target
from mda.storage.shard import Shard, create_shard
from mda.storage.writer import SegmentWriter

mount = Path(sys.argv[1])
ballast = mount / "ballast"
ballast.write_bytes(bytes(200_000))
shard = Shard(1, "small", f"file://{mount}/shard")
create_shard(shard.root, 1, "small")
writer, encoder, placed, refused = SegmentWriter(shard, IdentifierSource()), Encoder(), [], 0
for seed in range(400):
    raw = random.Random(seed).randbytes(10_000)
    record = encoder.encode_message(raw, received_at=datetime.now(UTC), reverse_path="", targets=[Target(1, seed)])
    try:
        placed.append((writer.append([record])[0], raw))
    except StorageFull:
        refused += 1
        if refused == 50:
            ballast.unlink()
            at_unlink = len(placed)
writer.close()
reader = SegmentReader(shard)
assert all(reader.read(location) == raw for location, raw in placed)
assert refused > 50 and len(placed) > at_unlink > 60, (refused, len(placed), at_unlink)
assert len(list(list_segments(shard.root))) < 10
print("checked", len(placed))
"""


ON_A_SMALL_DISK = 'mount -t tmpfs -o size=1m tmpfs "$1" && { "$2" -c "$3" "$1"; status=$?; umount "$1"; exit $status; }'


def mounting(folder: Path) -> list[str] | None:
    """What to run a shell by so that it may mount: a namespace of its own, or (root in a chroot) nothing."""
    for prefix in (["unshare", "-rm"], list[str]()):
        probe = [*prefix, "sh", "-c", 'mount -t tmpfs tmpfs "$1" && umount "$1"', "sh", str(folder)]
        with contextlib.suppress(FileNotFoundError):
            if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
                return prefix
    return None


def test_real_full_disk(tmp_path: Path) -> None:
    prefix = mounting(tmp_path)
    if prefix is None:
        pytest.skip("needs the right to mount a tmpfs: root outside of a container, or user namespaces")
    command = [*prefix, "sh", "-c", ON_A_SMALL_DISK, "sh", str(tmp_path), sys.executable, FILLED]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("checked")


def test_commits_survive_trouble(shard: Shard, writer: SegmentWriter, system: Failing, encode: EncodeMessage) -> None:
    writer.append([encode(b"good")])
    writer.note_commits([CommitRecord(1, 2, 3, 4)])
    system.fail("fdatasync", errno.EIO)
    with pytest.raises(StorageUnavailable):
        writer.append([encode(b"bad")])
    (after,) = writer.append([encode(b"after")])
    path = segment_path(shard.root, after.segment)
    assert [step.header.kind.name for step in scan_segment(path) if isinstance(step, Found)] == ["MESSAGE", "COMMIT"]
