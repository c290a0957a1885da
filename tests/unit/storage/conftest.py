"""What the storage tests share: a fresh shard, identifiers, and records of messages."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mda.identifiers import IdentifierSource
from mda.storage.encode import EncodedRecord, Encoder
from mda.storage.record import Target
from mda.storage.shard import Shard, create_shard

RECEIVED_AT = datetime(2026, 11, 23, 16, 25, 30, 123456, tzinfo=UTC)

EncodeMessage = Callable[..., EncodedRecord]


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    made = Shard(0xA1, "first", f"file://{tmp_path}/shard")
    create_shard(made.root, made.id, made.name)
    return made


@pytest.fixture
def identifiers() -> IdentifierSource:
    return IdentifierSource()


@pytest.fixture(scope="session")
def encode() -> EncodeMessage:
    encoder = Encoder(3)

    def encode_message(
        raw: bytes,
        reverse_path: str = "sender@example.org",
        targets: tuple[Target, ...] = (Target(7, 8),),
        digest: bytes | None = None,
    ) -> EncodedRecord:
        return encoder.encode_message(
            raw, received_at=RECEIVED_AT, reverse_path=reverse_path, targets=targets, digest=digest
        )

    return encode_message
