"""Scanning: whatever happened to a segment's bytes, sound records are found, the rest is reported, nothing raises."""

import os
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda.errors import StorageUnavailable
from mda.storage.body import Codecs
from mda.storage.decode import decode_record
from mda.storage.encode import EncodedRecord
from mda.storage.record import HEADER_BYTES, MAGIC, Flaw
from mda.storage.scan import Damage, Found, end_of_content, scan_segment

EncodeMessage = Callable[..., EncodedRecord]
RAWS = (b"Subject: one\r\n\r\n1\r\n", b"", b"Subject: three\r\n\r\n" + b"3 " * 300, random.Random(1).randbytes(90))


@pytest.fixture(scope="module")
def records(encode: EncodeMessage) -> tuple[bytes, ...]:
    return tuple(encoded.head + encoded.body for encoded in map(encode, RAWS))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scan") / "segment"


def scan(path: Path, content: bytes, length: int | None = None) -> list[Found | Damage]:
    """The steps over `content`, after checking that they cover all of it without gap, but for the room at its end."""
    path.write_bytes(content)
    steps = list(scan_segment(path, length))
    at = 0
    for step in steps:
        assert step.offset == at
        assert step.length > 0
        at = step.end
    if length is None:
        assert content[at:] == bytes(len(content) - at)
    else:
        assert at == min(length, len(content))
    return steps


def raws(steps: list[Found | Damage]) -> list[bytes]:
    codecs = Codecs()
    return [decode_record(step.stored, codecs).raw for step in steps if isinstance(step, Found)]


def damages(steps: list[Found | Damage]) -> list[Damage]:
    return [step for step in steps if isinstance(step, Damage)]


def test_sound_segment(workplace: Path, records: tuple[bytes, ...]) -> None:
    steps = scan(workplace, b"".join(records))
    assert raws(steps) == list(RAWS)
    assert not damages(steps)
    assert scan(workplace, b"") == []


def test_zeros_at_the_end_are_room_where_nobody_has_said_how_far_it_goes(
    workplace: Path, records: tuple[bytes, ...]
) -> None:
    whole = b"".join(records)
    assert scan(workplace, whole + bytes(5000)) == scan(workplace, whole)
    assert end_of_content(workplace) == len(whole)
    assert scan(workplace, bytes(5000)) == []
    assert end_of_content(workplace) == 0
    (damage,) = damages(scan(workplace, whole + bytes(5000), len(whole) + 10))
    assert (damage.offset, damage.length) == (len(whole), 10)
    (damage,) = damages(scan(workplace, whole + bytes(5000) + records[0]))
    assert (damage.offset, damage.length) == (len(whole), 5000)


def test_record_torn_over_zeros_is_damage(workplace: Path, records: tuple[bytes, ...]) -> None:
    whole, last = records[0] + records[1], records[2].rstrip(b"\0")
    for cut in range(1, len(last)):
        steps = scan(workplace, whole + last[:cut] + bytes(3000))
        assert raws(steps) == list(RAWS[:2])
        (damage,) = damages(steps)
        written = len(last[:cut].rstrip(b"\0"))
        assert (damage.offset, damage.length) == (len(whole), written), "what was torn, without the room behind it"
        assert end_of_content(workplace) == len(whole) + written


def test_every_truncation(workplace: Path, records: tuple[bytes, ...]) -> None:
    whole = b"".join(records)
    ends = [sum(map(len, records[: n + 1])) for n in range(len(records))]
    for cut in range(len(whole)):
        steps = scan(workplace, whole[:cut])
        complete = sum(end <= cut for end in ends)
        assert raws(steps) == list(RAWS[:complete])
        assert len(damages(steps)) == (cut not in (0, *ends))


def test_every_flipped_bit_costs_one_record(workplace: Path, records: tuple[bytes, ...]) -> None:
    whole = b"".join(records)
    start, end = len(records[0]), len(records[0]) + len(records[1])
    third_end = end + len(records[2])
    for at in range(start, third_end):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << random.Random(at).randrange(8)
        steps = scan(workplace, bytes(flipped))
        hurt = 1 if at < end else 2
        assert raws(steps) == [raw for number, raw in enumerate(RAWS) if number != hurt]
        (damage,) = damages(steps)
        assert (damage.offset, damage.end) == ((start, end) if hurt == 1 else (end, third_end))


@pytest.mark.parametrize(
    ("at", "flaw"),
    [
        (0, Flaw.NO_MAGIC),
        (8, Flaw.VERSION),
        (60, Flaw.HEADER_CHECKSUM),
        (HEADER_BYTES + 3, Flaw.META_CHECKSUM),
        (-1, Flaw.BODY_CHECKSUM),
    ],
)
def test_flaw_is_named(workplace: Path, records: tuple[bytes, ...], at: int, flaw: Flaw) -> None:
    hurt = bytearray(records[0])
    hurt[at] ^= 1
    steps = scan(workplace, bytes(hurt) + records[1])
    assert [damage.flaw for damage in damages(steps)] == [flaw]


def test_bytes_lost_from_the_middle_cost_only_their_record(workplace: Path, records: tuple[bytes, ...]) -> None:
    # The header's lengths are sound and lead past the next record's start: the magic before that end says so.
    steps = scan(workplace, records[0] + records[2][:-10] + records[3] + records[0])
    assert raws(steps) == [RAWS[0], RAWS[3], RAWS[0]]
    assert [damage.flaw for damage in damages(steps)] == [Flaw.OVERLAPPED]


def test_zeros_and_noise_between_records(workplace: Path, records: tuple[bytes, ...]) -> None:
    noise = random.Random(5).randbytes(3_000_000)
    steps = scan(workplace, bytes(4096) + records[0] + noise + records[2] + MAGIC + records[1] + MAGIC[:5])
    assert raws(steps) == [RAWS[0], RAWS[2], RAWS[1]]
    assert [damage.length for damage in damages(steps)] == [4096, len(noise), len(MAGIC), 5]


def test_magic_over_the_border_of_two_reads_is_found(workplace: Path, records: tuple[bytes, ...]) -> None:
    for shift in range(-9, 3):
        steps = scan(workplace, bytes((1 << 20) + shift) + records[0])
        assert raws(steps) == [RAWS[0]]


def test_record_that_a_sender_forged_in_a_mail_is_not_taken(workplace: Path, encode: EncodeMessage) -> None:
    forged = encode(b"From: your bank\r\n\r\nforged\r\n")
    inner = forged.head + forged.body
    mail = encode(random.Random(1).randbytes(200) + inner + random.Random(2).randbytes(200))
    hurt = bytearray(mail.head + mail.body)
    hurt[20] ^= 1
    steps = scan(workplace, bytes(hurt) + inner[:0])
    assert raws(steps) == []
    assert len(damages(steps)) == 1


def test_nothing_behind_the_sealed_length_is_taken(workplace: Path, records: tuple[bytes, ...]) -> None:
    steps = scan(workplace, b"".join(records), len(records[0]))
    assert raws(steps) == [RAWS[0]]
    assert not damages(steps)


@given(st.binary(max_size=400), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes(workplace: Path, records: tuple[bytes, ...], noise: bytes, at: int) -> None:
    steps = scan(workplace, noise[:at] + records[0] + noise[at:])
    assert RAWS[0] in raws(steps)


@pytest.mark.parametrize(("claimed", "count"), [(60_000_000, 8_000), (50_000, 2_000)])
def test_each_octet_is_read_once_and_checksummed_at_most_once(
    workplace: Path, encode: EncodeMessage, monkeypatch: pytest.MonkeyPatch, claimed: int, count: int
) -> None:
    # The worst that damage can do: sound headers, each claiming a body as long as all the rest, or one that still fits.
    head = encode(random.Random(1).randbytes(claimed)).head
    workplace.write_bytes(head * count)
    read, checked = list[int](), list[int]()
    pread, crc32 = os.pread, zlib.crc32

    def counting_pread(fd: int, size: int, offset: int) -> bytes:
        read.append(size)
        return pread(fd, size, offset)

    def counting_crc32(octets: bytes) -> int:
        checked.append(len(octets))
        return crc32(octets)

    monkeypatch.setattr(os, "pread", counting_pread)
    monkeypatch.setattr(zlib, "crc32", counting_crc32)
    assert len(list(scan_segment(workplace))) == count
    assert sum(read) == len(head) * count
    assert 0 < sum(checked) <= len(head) * count


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="No such file"):
        list(scan_segment(tmp_path / "nothing.seg"))
