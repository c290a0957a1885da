"""Bodies compressed with a shard's dictionary: smaller, read back everywhere, and never without what they need."""

import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from mda.errors import RecordDamaged, StorageUnavailable
from mda.identifiers import IdentifierSource
from mda.storage import dictionaries
from mda.storage.dictionaries import Dictionaries
from mda.storage.encode import EncodedRecord, Encoder
from mda.storage.location import segment_path
from mda.storage.reader import SegmentReader, read
from mda.storage.record import Target, unpack_header
from mda.storage.shard import Shard
from mda.storage.writer import SegmentWriter
from tests.unit.storage import segment_reader
from tests.unit.storage.conftest import RECEIVED_AT

SAMPLES = Path(__file__).parents[2] / "samples"
WORDS = [f"word{number}-{number * 7919}" for number in range(300)]
EncodeMessage = Callable[..., EncodedRecord]


def mail(seed: int) -> bytes:
    words = " ".join(random.Random(seed).choices(WORDS, k=60))
    return f"Received: from mail.example.org by mx.example.org\r\nSubject: {seed}\r\n\r\n{words}\r\n".encode()


@pytest.fixture
def dictionary_id(shard: Shard) -> int:
    trained = dictionaries.train([mail(seed) for seed in range(1000)], dictionaries.next_id(shard.root), 8192)
    return dictionaries.install(shard.root, trained)


def encode(shard: Shard, raws: list[bytes]) -> list[EncodedRecord]:
    encoder = Encoder(3, Dictionaries(shard.root))
    return [
        encoder.encode_message(raw, received_at=RECEIVED_AT, reverse_path="", targets=(Target(1, number),))
        for number, raw in enumerate(raws)
    ]


def test_smaller_and_read_back_by_both_readers(shard: Shard, dictionary_id: int) -> None:
    raws = [mail(5000), random.Random(1).randbytes(400), mail(5001) * 2000]
    records = encode(shard, raws)
    plain = Encoder(3).encode_message(raws[0], received_at=RECEIVED_AT, reverse_path="", targets=(Target(1, 0),))
    assert len(records[0].body) < 0.8 * len(plain.body)
    assert unpack_header(records[0].head[:96]).dictionary_id == dictionary_id
    assert unpack_header(records[1].head[:96]).dictionary_id == 0, "what is stored as it is needs none"
    writer = SegmentWriter(shard, IdentifierSource())
    locations = writer.append(records)
    writer.close()
    reader = SegmentReader(shard)
    assert [reader.read(location) for location in locations] == raws
    assert reader.read_range(locations[2], 300_000, 50) == raws[2][300_000:300_050]
    page_reader: ModuleType = segment_reader
    path = segment_path(shard.root, locations[0].segment)
    assert [record["raw"] for record in page_reader.read_segment(path)] == raws


def test_newest_is_used_and_older_ones_still_read(shard: Shard, dictionary_id: int) -> None:
    writer = SegmentWriter(shard, IdentifierSource())
    (old,) = writer.append(encode(shard, [mail(1)]))
    trained = dictionaries.train([mail(seed)[20:] for seed in range(1000)], dictionaries.next_id(shard.root), 8192)
    newer = dictionaries.install(shard.root, trained)
    assert newer > dictionary_id
    (record,) = encode(shard, [mail(2)])
    assert unpack_header(record.head[:96]).dictionary_id == newer
    (new,) = writer.append([record])
    assert (read(shard, old), read(shard, new)) == (mail(1), mail(2))


def test_missing_or_damaged_dictionary_is_named_and_never_holds_up_mail(shard: Shard, dictionary_id: int) -> None:
    writer = SegmentWriter(shard, IdentifierSource())
    (location,) = writer.append(encode(shard, [mail(1)]))
    path: Path = next((shard.root / "dictionaries").glob("*.dict"))
    octets = bytearray(path.read_bytes())
    octets[500] ^= 1
    path.write_bytes(octets)
    with pytest.raises(RecordDamaged, match="its zstd dictionary is missing or damaged"):
        read(shard, location)
    (record,) = encode(shard, [mail(2)])
    assert unpack_header(record.head[:96]).dictionary_id == 0
    path.unlink()
    with pytest.raises(RecordDamaged, match="its zstd dictionary is missing or damaged"):
        read(shard, location)


def test_too_few_messages_make_none(shard: Shard) -> None:
    with pytest.raises(StorageUnavailable, match="of 2 messages"):
        dictionaries.train([b"a", b"b"], 40_000)


def test_base_dictionary_helps_from_the_first_mail_and_names_nobody(shard: Shard) -> None:
    dictionaries.install_base(shard.root)
    dictionaries.install_base(shard.root)
    ((number, path),) = dictionaries.list_dictionaries(shard.root / "dictionaries")
    assert number == dictionaries.FIRST_ID
    assert b"@" not in path.read_bytes()[1000:], "behind the tables of the entropy coder: no address of anybody"
    raws = [path.read_bytes() for path in sorted(SAMPLES.glob("*.eml"))]
    plain = Encoder(3)
    sizes = [
        len(plain.encode_message(raw, received_at=RECEIVED_AT, reverse_path="", targets=(Target(1, 0),)).body)
        for raw in raws
    ]
    assert len(raws) > 10
    assert sum(len(record.body) for record in encode(shard, raws)) < 0.85 * sum(sizes)
    trained = dictionaries.train([mail(seed) for seed in range(1000)], dictionaries.next_id(shard.root), 8192)
    dictionaries.install(shard.root, trained)
    dictionaries.install_base(shard.root)
    assert len(dictionaries.list_dictionaries(shard.root / "dictionaries")) == 2
