"""What was found of a message, as one compressed value of its row.

Column by column these are the widest part of a row, too short each for PostgreSQL to compress (it looks at rows above
2 KB); together, and with a dictionary of what such values have in common, they take half.

    0  1  version: 1
    1     a zstd frame (RFC 8878) without its magic number, made with the dictionary facts-1.dict of this package and
          not naming it: the fields of `Facts` in MessagePack, an array in their order

A later dictionary is another version, and each version's dictionary stays in the package. New fields go to the end of
the array and have a default.
"""

import threading
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from mda.errors import RecordDamaged
from mda.metadata.content.spam_reasons import SpamReasons, from_json

VERSION = 1
LEVEL = 3

COLUMNS = (
    *("facts", "envelope", "body_structure", "structure", "prefix", "subject_base", "preview", "spam_reasons"),
    *("forged_spans", "reference_hashes", "defects", "original_recipient", "queue_id"),
)
"""What `of_row` reads: rows of before the schema's revision 0005 have the columns in place of `facts`."""

_HEAD = bytes((VERSION,))
_MAGIC = b"\x28\xb5\x2f\xfd"


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`envelope` and `body_structure` are IMAP's, `structure` the part table (csrc/mime/structure.c), `subject_base`
    that of RFC 5256 s2.1, `defects` the bits of mda.mime.defects. The delivered form begins with `prefix` and leaves
    out the header fields of the stored form that lie at `forged_spans` (start, end)."""

    prefix: bytes
    envelope: bytes
    subject_base: str
    body_structure: bytes
    preview: str
    structure: bytes
    original_recipient: str = ""
    queue_id: str = ""
    defects: int = 0
    forged_spans: tuple[tuple[int, int], ...] = ()
    reference_hashes: tuple[int, ...] = ()
    """mda.identifiers.message_id_hash of what it refers to (RFC 5322 s3.6.4)."""
    spam_reasons: SpamReasons | None = None


class _Contexts(threading.local):
    """This thread's: making one costs more than using it."""

    def __init__(self) -> None:
        dictionary = _dictionary()
        self.compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=dictionary, write_dict_id=False)
        self.decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)
        self.encoder = msgspec.msgpack.Encoder()
        self.decoder = msgspec.msgpack.Decoder(Facts)


def pack(facts: Facts) -> bytes:
    """The column's value."""
    contexts = _contexts()
    frame = contexts.compressor.compress(contexts.encoder.encode(facts))
    return _HEAD + frame[len(_MAGIC) :]


def unpack(raw: bytes) -> Facts:
    """The inverse; RecordDamaged for what `pack` has not made, or a later version of it."""
    if raw[:1] != _HEAD:
        raise RecordDamaged(
            f"facts of version {raw[:1].hex() or 'none'}, this program reads {VERSION}",
            "install the version that wrote them",
        )
    contexts = _contexts()
    try:
        return contexts.decoder.decode(contexts.decompressor.decompress(_MAGIC + raw[1:]))
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise RecordDamaged(
            f"facts can't be read: {error}", "bring the account back from a backup: mda restore"
        ) from error


def of_row(row: Any) -> Facts:
    """Of a row that has `COLUMNS`."""
    if row.facts is not None:
        return unpack(bytes(row.facts))
    edges = row.forged_spans or ()
    return Facts(
        prefix=bytes(row.prefix),
        envelope=bytes(row.envelope),
        subject_base=row.subject_base,
        body_structure=bytes(row.body_structure),
        preview=row.preview,
        structure=bytes(row.structure),
        original_recipient=row.original_recipient or "",
        queue_id=row.queue_id or "",
        defects=row.defects,
        forged_spans=tuple(zip(edges[::2], edges[1::2], strict=True)),
        reference_hashes=tuple(row.reference_hashes or ()),
        spam_reasons=from_json(row.spam_reasons) if row.spam_reasons else None,
    )


@cache
def _contexts() -> _Contexts:
    return _Contexts()


@cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    # Not by importlib.resources, which takes as long to import as the rest of this for a listing.
    raw = Path(__file__).with_name(f"facts-{VERSION}.dict").read_bytes()
    return zstandard.ZstdCompressionDict(raw)
