"""Reading back: verified bytes or an error that names the place; ranges; many threads over few open files."""

import random
import shutil
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mda.errors import NotFound, RecordDamaged, StorageUnavailable
from mda.identifiers import IdentifierSource, format_id
from mda.storage.encode import EncodedRecord
from mda.storage.location import Location, segment_path
from mda.storage.reader import SegmentReader, read
from mda.storage.record import MAGIC, Target
from mda.storage.shard import MARKER, Shard, create_shard
from mda.storage.writer import SegmentWriter

EncodeMessage = Callable[..., EncodedRecord]
RAWS = (
    b"Subject: x\r\n\r\n" + b"body " * 100,
    random.Random(1).randbytes(5000),
    b"lines of text\r\n" * 60_000,
    random.Random(2).randbytes(700_000),
    random.Random(3).randbytes(300_000) + MAGIC + b"text " * 80_000,
)


@pytest.fixture
def locations(shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage) -> tuple[Location, ...]:
    writer = SegmentWriter(shard, identifiers)
    try:
        return writer.append([encode(raw) for raw in RAWS])
    finally:
        writer.close()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, encode: EncodeMessage) -> tuple[Shard, tuple[Location, ...]]:
    shard = Shard(1, "ranges", f"file://{tmp_path_factory.mktemp('ranges')}/shard")
    create_shard(shard.root, shard.id, shard.name)
    writer = SegmentWriter(shard, IdentifierSource())
    return shard, writer.append([encode(raw) for raw in RAWS])


def damage(shard: Shard, location: Location, at: int) -> None:
    with segment_path(shard.root, location.segment).open("r+b") as file:
        file.seek(location.offset + at)
        byte = file.read(1)[0]
        file.seek(location.offset + at)
        file.write(bytes([byte ^ 1]))


def test_reads_back_all(shard: Shard, locations: tuple[Location, ...]) -> None:
    reader = SegmentReader(shard)
    assert [reader.read(location) for location in locations] == list(RAWS)
    record = reader.read_record(locations[0])
    assert record.meta is not None
    assert record.meta.targets == (Target(7, 8),)
    assert read(shard, locations[1]) == RAWS[1]
    reader.close()
    assert reader.read(locations[0]) == RAWS[0]


@given(st.integers(0, len(RAWS) - 1), st.integers(0, 950_000), st.integers(0, 950_000))
@settings(max_examples=150, deadline=None)
def test_any_range(stored: tuple[Shard, tuple[Location, ...]], number: int, start: int, length: int) -> None:
    shard, locations = stored
    part = SegmentReader(shard).read_range(locations[number], start, length)
    assert part == RAWS[number][start : start + length]


def test_range_of_a_long_message_reads_only_its_frames(shard: Shard, locations: tuple[Location, ...]) -> None:
    damage(shard, locations[3], locations[3].length - 1)
    reader = SegmentReader(shard)
    assert reader.read_range(locations[3], 1000, 4096) == RAWS[3][1000:5096]
    with pytest.raises(RecordDamaged, match="checksum of the body"):
        reader.read_range(locations[3], 699_000, 4096)
    with pytest.raises(RecordDamaged):
        reader.read(locations[3])


def test_damage_names_shard_segment_offset_and_way_out(shard: Shard, locations: tuple[Location, ...]) -> None:
    reader = SegmentReader(shard)
    for at in (0, 40, 92, 100, locations[1].length - 1):
        damage(shard, locations[1], at)
        with pytest.raises(RecordDamaged) as caught:
            reader.read(locations[1])
        for part in ("first", format_id(shard.id), format_id(locations[1].segment), f"offset {locations[1].offset}"):
            assert part in caught.value.message
        assert "mda storage check" in caught.value.remedy
        assert reader.read(locations[0]) == RAWS[0]
        damage(shard, locations[1], at)
    assert reader.read(locations[1]) == RAWS[1]


def test_digest_is_compared_unless_it_is_left_out(shard: Shard, locations: tuple[Location, ...]) -> None:
    """A record whose digest alone is wrong, its header's checksum made to fit: only a writer's fault gives that."""
    path = segment_path(shard.root, locations[0].segment)
    octets = bytearray(path.read_bytes())
    octets[56] ^= 1
    octets[92:96] = zlib.crc32(octets[:92]).to_bytes(4, "little")
    path.write_bytes(octets)
    with pytest.raises(RecordDamaged, match="SHA-256"):
        read(shard, locations[0])
    assert read(shard, locations[0], verifies_digest=False) == RAWS[0]
    damage(shard, locations[0], locations[0].length - 1)
    with pytest.raises(RecordDamaged, match="checksum of the body"):
        read(shard, locations[0], verifies_digest=False)


def test_wrong_location_is_never_wrong_bytes(shard: Shard, locations: tuple[Location, ...]) -> None:
    reader = SegmentReader(shard)
    first = locations[0]
    wrong = (
        replace(first, offset=first.offset + 1),
        replace(first, length=first.length + 1),
        replace(first, length=first.length - 1),
        replace(first, length=10),
        replace(first, length=0),
        replace(first, offset=10**9),
    )
    for location in wrong:
        with pytest.raises(RecordDamaged):
            reader.read(location)
        with pytest.raises(RecordDamaged):
            reader.read_range(location, 0, 5)


def test_missing_segment_and_missing_disk(shard: Shard, locations: tuple[Location, ...]) -> None:
    reader = SegmentReader(shard)
    gone = replace(locations[0], segment=locations[0].segment + 1)
    with pytest.raises(NotFound, match=format_id(gone.segment)):
        reader.read(gone)
    (shard.root / MARKER).unlink()
    with pytest.raises(StorageUnavailable, match="disk mounted"):
        reader.read(gone)
    shutil.rmtree(shard.root)
    with pytest.raises(StorageUnavailable):
        SegmentReader(shard).read(locations[0])


def test_segment_that_is_a_folder_is_unavailable(shard: Shard) -> None:
    location = Location(5, 0, 100)
    segment_path(shard.root, 5).mkdir(parents=True)
    with pytest.raises(StorageUnavailable, match="directory"):
        SegmentReader(shard).read(location)


def open_segment_files(root: Path) -> int:
    """How many of this process's descriptors are open below `root`."""
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except FileNotFoundError:
            continue
    return sum(link.startswith(str(root)) for link in links)


def test_threads_share_few_open_files(shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage) -> None:
    placed = []
    for number in range(40):
        writer = SegmentWriter(shard, identifiers)
        raw = b"message %d " % number * 50
        placed.append((writer.append([encode(raw)])[0], raw))
        writer.close()
    reader = SegmentReader(shard, open_files=3)

    def read_many(seed: int) -> int:
        order = random.Random(seed).choices(placed, k=400)
        return sum(reader.read(location) == raw for location, raw in order)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read_many, range(8))) == [400] * 8
    assert 1 <= open_segment_files(shard.root) <= 3
    reader.close()
    assert open_segment_files(shard.root) == 0


def test_removed_segment_stays_readable_while_it_is_open(shard: Shard, locations: tuple[Location, ...]) -> None:
    reader = SegmentReader(shard)
    assert reader.read(locations[0]) == RAWS[0]
    segment_path(shard.root, locations[0].segment).unlink()
    assert reader.read(locations[1]) == RAWS[1]
