"""A store comes back from its segments (`python -m tests.crash.rebuilt` is the one of 100,000 messages)."""

from pathlib import Path

import pytest

from mda.storage.decode import Record
from mda.storage.reader import SegmentReader
from tests.crash.rebuilt import rebuild


def test_every_message_is_back_under_its_uid(tmp_path: Path, database_url: str) -> None:
    result = rebuild(tmp_path, 2_000, database_url)
    assert not result.findings, str(result)


def test_the_comparison_notices_a_loss(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That it can fail: one message is read as another one."""
    read = SegmentReader.read_record
    first: list[Record] = []

    def confuse(reader: SegmentReader, *location: object) -> Record:
        first.append(read(reader, *location))  # type: ignore[arg-type]
        return first[0]

    monkeypatch.setattr(SegmentReader, "read_record", confuse)
    result = rebuild(tmp_path, 40, database_url)
    assert len(result.findings) == 79, str(result)
