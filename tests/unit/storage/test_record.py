"""Records: encoded and decoded again they are the same, and no bit of a head can change unnoticed."""

import hashlib
import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mda.errors import InvalidValue
from mda.storage.body import FRAME_BYTES, Codecs
from mda.storage.commits import CommitRecord, unpack_commits, unpack_purges
from mda.storage.decode import decode_head, decode_record
from mda.storage.encode import EncodedRecord, Encoder, from_microseconds
from mda.storage.record import (
    HEADER_BYTES,
    MAGIC,
    NO_MASK,
    Codec,
    Flaw,
    Kind,
    Malformed,
    Target,
    apply_mask,
    pack_header,
    unpack_header,
)

EncodeMessage = Callable[..., EncodedRecord]
RECEIVED_AT = datetime(2026, 11, 23, 16, 25, 30, 123456, tzinfo=UTC)
CODECS = Codecs()
TARGETS = st.lists(st.builds(Target, st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1)), max_size=5)
SOMETIMES_MAGIC = st.lists(st.one_of(st.binary(max_size=60), st.just(MAGIC)), max_size=8).map(b"".join)


@given(SOMETIMES_MAGIC, st.text(max_size=40).filter(lambda text: text.isprintable()), TARGETS)
@settings(max_examples=200, deadline=None)
def test_message_round_trip(raw: bytes, reverse_path: str, targets: list[Target]) -> None:
    encoded = Encoder(3).encode_message(raw, received_at=RECEIVED_AT, reverse_path=reverse_path, targets=targets)
    record = decode_record(encoded.head + encoded.body, CODECS)
    assert record.raw == raw
    assert record.meta is not None
    assert record.meta.reverse_path == reverse_path
    assert record.meta.targets == tuple(targets)
    assert from_microseconds(record.header.received_at) == RECEIVED_AT
    assert encoded.digest == record.header.digest == hashlib.sha256(raw).digest()
    assert encoded.length == record.header.record_length


def test_a_known_digest_is_taken(encode: EncodeMessage) -> None:
    """Whoever gives a wrong one has a record that can't be read."""
    digest = hashlib.sha256(b"x").digest()
    assert encode(b"x", digest=digest) == encode(b"x")
    wrong = encode(b"x", digest=digest[::-1])
    assert wrong.digest == digest[::-1]
    with pytest.raises(Malformed):
        decode_record(wrong.head + wrong.body, CODECS)


@pytest.mark.parametrize("length", [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES + 17])
@pytest.mark.parametrize("is_text", [True, False])
def test_length_at_frame_borders(encode: EncodeMessage, length: int, is_text: bool) -> None:
    raw = b"Lorem ipsum " * (length // 12 + 1) if is_text else random.Random(1).randbytes(length)
    raw = raw[:length]
    encoded = encode(raw)
    record = decode_record(encoded.head + encoded.body, CODECS)
    assert record.raw == raw
    assert record.header.codec is (Codec.ZSTD if is_text and length > 20 else Codec.NONE)
    assert len(record.meta.frames if record.meta else ()) == (-(-length // FRAME_BYTES) if length > FRAME_BYTES else 0)
    if not is_text:
        assert encoded.body == raw


def test_only_frames_that_shrink_are_compressed(encode: EncodeMessage) -> None:
    raw = bytes(FRAME_BYTES) + random.Random(1).randbytes(FRAME_BYTES) + b"end"
    record = decode_record(encode(raw).head + encode(raw).body, CODECS)
    assert record.raw == raw
    assert record.meta is not None
    lengths = [frame.stored_length for frame in record.meta.frames]
    assert lengths[0] < 100
    assert lengths[1:] == [FRAME_BYTES, 3]


@pytest.mark.parametrize(
    ("raw", "reverse_path"),
    [
        (b"before" + MAGIC + b"after", ""),
        (MAGIC, ""),
        (b"x", MAGIC.decode("utf-8", "surrogateescape")),
        (random.Random(1).randbytes(FRAME_BYTES - 4) + MAGIC + random.Random(2).randbytes(FRAME_BYTES), ""),
    ],
    ids=["body", "body alone", "reverse-path", "over two frames"],
)
def test_magic_stands_only_at_the_start(encode: EncodeMessage, raw: bytes, reverse_path: str) -> None:
    encoded = encode(raw, reverse_path)
    stored = encoded.head + encoded.body
    assert stored.find(MAGIC, 1) < 0
    assert unpack_header(stored).mask != NO_MASK
    record = decode_record(stored, CODECS)
    assert record.raw == raw
    assert record.meta is not None
    assert record.meta.reverse_path == reverse_path


def test_magic_over_the_seam_of_metadata_and_body_is_masked(encode: EncodeMessage) -> None:
    # The last target's content id ends in the magic's first half, the body begins with its second.
    half = int.from_bytes(b"\0\0\0\0" + MAGIC[:4], "little", signed=True)
    stored = encode(MAGIC[4:], "", (Target(1, half),))
    assert MAGIC not in (stored.head + stored.body)[1:]
    assert decode_record(stored.head + stored.body, CODECS).raw == MAGIC[4:]


def test_ordinary_mail_is_not_masked(encode: EncodeMessage) -> None:
    assert unpack_header(encode(b"Subject: hello\r\n\r\nhello\r\n").head).mask == NO_MASK


@given(st.binary(max_size=100), st.binary(min_size=8, max_size=8), st.integers(0, 100))
def test_mask_is_its_own_inverse_and_keeps_phase(part: bytes, mask: bytes, cut: int) -> None:
    masked = apply_mask(part, mask)
    assert masked == bytes(byte ^ mask[i % 8] for i, byte in enumerate(part))
    assert apply_mask(masked[:cut], mask) + apply_mask(masked[cut:], mask, cut) == part


def test_every_bit_of_the_header_counts(encode: EncodeMessage) -> None:
    stored = encode(b"Subject: hello\r\n\r\nhello\r\n").head
    for bit in range(HEADER_BYTES * 8):
        flipped = bytearray(stored)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Malformed):
            unpack_header(bytes(flipped))


@pytest.mark.parametrize(
    "change",
    [
        {"body_length": 2**33, "raw_length": 2**33},
        {"meta_length": 2**25},
        {"frame_log2": 40},
        {"raw_length": 999_999},
        {"kind": Kind.COMMIT},
        {"kind": 9},
        {"codec": 7},
    ],
    ids=str,
)
def test_values_out_of_range_are_refused_in_spite_of_a_good_checksum(
    encode: EncodeMessage, change: dict[str, int]
) -> None:
    header = unpack_header(encode(random.Random(1).randbytes(50)).head)
    with pytest.raises(Malformed) as caught:
        unpack_header(pack_header(replace(header, **change)))
    assert caught.value.flaw is Flaw.HEADER_VALUE


def test_unknown_version_is_said(encode: EncodeMessage) -> None:
    head = bytearray(encode(b"x").head)
    head[8] = 2
    with pytest.raises(Malformed) as caught:
        unpack_header(bytes(head))
    assert caught.value.flaw is Flaw.VERSION


def test_metadata_is_checked(encode: EncodeMessage) -> None:
    encoded = encode(b"x")
    for at in range(HEADER_BYTES, len(encoded.head)):
        flipped = bytearray(encoded.head)
        flipped[at] ^= 0x10
        with pytest.raises(Malformed) as caught:
            decode_head(bytes(flipped))
        assert caught.value.flaw is Flaw.META_CHECKSUM


@pytest.mark.parametrize("raw", [b"hello " * 50, b"hello " * 100_000, b"plain"], ids=["frame", "frames", "plain"])
def test_every_damaged_body_byte_is_found(encode: EncodeMessage, raw: bytes) -> None:
    encoded = encode(raw)
    for at in range(len(encoded.body)):
        body = bytearray(encoded.body)
        body[at] ^= 0x04
        with pytest.raises(Malformed):
            decode_record(encoded.head + bytes(body), CODECS)


def test_commit_and_purge_records() -> None:
    encoder = Encoder(3)
    commits = tuple(CommitRecord(n, n + 1, n + 2, n + 3, hashlib.sha256(b"%d" % n).digest()[:16]) for n in range(6000))
    encoded = encoder.encode_commits(commits, committed_at=RECEIVED_AT)
    record = decode_record(encoded.head + encoded.body, CODECS)
    assert (record.header.kind, record.meta) == (Kind.COMMIT, None)
    assert unpack_commits(record.raw) == commits
    purged = (Target(1, 2), Target(3, 4))
    encoded = encoder.encode_purges(purged, purged_at=RECEIVED_AT)
    record = decode_record(encoded.head + encoded.body, CODECS)
    assert (record.header.kind, unpack_purges(record.raw)) == (Kind.PURGE, purged)
    for unpack in (unpack_commits, unpack_purges):
        with pytest.raises(Malformed):
            unpack(b"x" * 17)


@pytest.mark.parametrize(
    ("reverse_path", "target"), [("a" * 70_000, Target(1, 2)), ("\ud800", Target(1, 2)), ("", Target(2**63, 1))]
)
def test_what_the_format_cannot_hold_is_refused(encode: EncodeMessage, reverse_path: str, target: Target) -> None:
    with pytest.raises(InvalidValue):
        encode(b"x", reverse_path, (target,))
