"""docs/segment-format.md suffices: the reader written from that page alone gets every mail back."""

import importlib.util
import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from mda.identifiers import IdentifierSource
from mda.storage.commits import CommitRecord
from mda.storage.encode import EncodedRecord
from mda.storage.location import segment_path
from mda.storage.record import MAGIC, Target
from mda.storage.shard import Shard
from mda.storage.writer import SegmentWriter

EncodeMessage = Callable[..., EncodedRecord]
READER = Path(__file__).with_name("segment_reader.py")


@pytest.fixture
def page_reader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("segment_reader", READER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reader_is_short_and_stands_alone() -> None:
    lines = [line for line in READER.read_text().splitlines() if line.strip()]
    assert len(lines) <= 60
    assert not any("mda." in line or "import mda" in line for line in lines)


def test_reader_from_the_page_reads_all(
    page_reader: ModuleType, shard: Shard, identifiers: IdentifierSource, encode: EncodeMessage
) -> None:
    raws = [b"", b"Subject: x\r\n\r\nx\r\n", b"long " * 200_000, random.Random(1).randbytes(300_000), b"a" + MAGIC]
    writer = SegmentWriter(shard, identifiers)
    locations = writer.append([encode(raw, "ä@example.org", (Target(1, 2, b"r" * 16), Target(3, 4))) for raw in raws])
    writer.note_commits([CommitRecord(1, 2, 3, 4)])
    writer.close()
    path = segment_path(shard.root, locations[0].segment)
    with path.open("ab") as behind_the_seal:
        behind_the_seal.write(encode(b"never acknowledged").head)
    records = page_reader.read_segment(path)
    messages = [record for record in records if record["kind"] == 1]
    assert [record["raw"] for record in messages] == raws
    assert {record["reverse_path"] for record in messages} == {"ä@example.org"}
    assert messages[0]["targets"] == [(1, 2, b"r" * 16), (3, 4, bytes(16))]
    assert [(record["kind"], len(record["raw"])) for record in records[len(raws) :]] == [(2, 44)]
