"""Writes a shard's checkpoint: what the database knows beside the bodies, so that it can be rebuilt from segments.

Records of at most RECORD_BYTES, each naming its checkpoint and its number there; the last one says how many rows there
are. A checkpoint without it was interrupted, and counts for nothing.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mda.identifiers import IdentifierSource
from mda.metadata.checkpoint import dump
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.storage.encode import Encoder
from mda.storage.folder_lock import maintained
from mda.storage.location import Location
from mda.storage.shard import Shard, open_shard
from mda.storage.writer import SegmentWriter

RECORD_BYTES = 4_194_304


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """What was written."""

    id: int
    rows: int
    bytes: int


def write_checkpoint(
    handle: Handle,
    shard: Shard,
    settings: Settings,
    identifiers: IdentifierSource,
    watch: Callable[[int], None] = lambda rows: None,
) -> Checkpointed:
    """A whole, durable checkpoint of the shard; errors leave an incomplete one, which nobody takes. `watch` is told of
    the rows that are written."""
    open_shard(shard.root, shard.id, shard.name)
    encoder = Encoder(settings.storage.compression_level)
    made = identifiers.next()
    rows = octets = 0
    location: Location | None = None
    with maintained(shard.root, shard.name):
        writer = SegmentWriter(shard, identifiers, encoder=encoder, segment_bytes=settings.storage.segment_bytes)
        try:
            for lines, row_count in _parts(made, dump.dump(handle, shard.id)):
                record = encoder.encode_checkpoint(lines, made_at=datetime.now(UTC))
                (location,) = writer.append([record])
                watch(row_count - rows)
                rows, octets = row_count, octets + record.length
        finally:
            writer.close()
    if location is not None:
        written = dump.Written(shard.id, made, location.segment, location.offset, location.length)
        dump.note(handle, written)
    return Checkpointed(made, rows, octets)


def _parts(checkpoint_id: int, lines: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """The records' texts, each with the number of rows so far."""
    number = rows = 0
    part = [_line({"checkpoint": checkpoint_id, "part": number})]
    size = 0
    for line in lines:
        if size + len(line) > RECORD_BYTES and len(part) > 1:
            yield b"".join(part), rows
            number += 1
            part, size = [_line({"checkpoint": checkpoint_id, "part": number})], 0
        part.append(line + b"\n")
        size += len(line)
        rows += 1
    part.append(_line({"checkpoint": checkpoint_id, "rows": rows, "parts": number + 1}))
    yield b"".join(part), rows


def _line(document: dict[str, int]) -> bytes:
    return json.dumps(document).encode() + b"\n"


def id_of(raw: bytes) -> int:
    """The checkpoint that a record is of; 0 for one that does not say."""
    first, _, _ = raw.partition(b"\n")
    try:
        document = json.loads(first)
    except ValueError:
        return 0
    found = document.get("checkpoint", 0) if isinstance(document, dict) else 0
    return found if isinstance(found, int) else 0
