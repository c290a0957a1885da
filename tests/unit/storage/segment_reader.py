"""Prints what a segment holds. Written from docs/segment-format.md alone; knows nothing of the mda package."""

import hashlib
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import zstandard

MAGIC = b"\x8fMDArec\xf1"
NAMES = "magic version kind codec frame_log2 dictionary mask at meta_length meta_crc body_length raw_length digest"


def read_segment(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    seal = path.with_suffix(".seal")
    if seal.exists():
        data = data[: int(seal.read_text().split("length=")[1].split()[0])]
    records, offset = [], data.find(MAGIC)
    while offset >= 0:
        record = read_record(data, offset, path.parent.parent / "dictionaries")
        if record:
            records.append(record)
        offset = data.find(MAGIC, offset + 1)
    return records


def read_record(data: bytes, offset: int, dictionaries: Path = Path()) -> dict[str, Any] | None:
    if (
        len(data) < offset + 96
        or zlib.crc32(data[offset : offset + 92]) != struct.unpack_from("<I", data, offset + 92)[0]
    ):
        return None
    values = struct.unpack_from("<8s4BI8sqIIQQ32sI", data, offset)
    record: dict[str, Any] = dict(zip([*NAMES.split(), "body_crc"], values, strict=True))
    body_at = offset + 96 + record["meta_length"]
    meta, body = data[offset + 96 : body_at], data[body_at : body_at + record["body_length"]]
    if zlib.crc32(meta) != record["meta_crc"] or zlib.crc32(body) != record["body_crc"]:
        return None
    meta, body = unmask(meta, record["mask"]), unmask(body, record["mask"])
    table = [len(body)]
    if record["kind"] == 1:
        (path_length,) = struct.unpack_from("<H", meta)
        record["reverse_path"] = meta[2 : 2 + path_length].decode()
        (count,) = struct.unpack_from("<I", meta, 2 + path_length)
        at = 6 + path_length
        record["targets"] = list(struct.iter_unpack("<qq16s", meta[at : at + 32 * count]))
        if record["frame_log2"]:
            table = [length for length, _ in struct.iter_unpack("<II", meta[at + 32 * count :])]
    raw, left = b"", record["raw_length"]
    found = list(dictionaries.glob(f"{record['dictionary']:08x}-*.dict"))
    dictionary = zstandard.ZstdCompressionDict(found[0].read_bytes()) if found else None
    for length in table:
        frame, body = body[:length], body[length:]
        whole = min(left, 1 << record["frame_log2"]) if record["frame_log2"] else left
        raw += frame if length == whole else zstandard.ZstdDecompressor(dictionary).decompress(frame)
        left -= whole
    record["raw"] = raw
    return record if hashlib.sha256(raw).digest() == record["digest"] else None


def unmask(part: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[i % 8] for i, byte in enumerate(part)) if any(mask) else part


if __name__ == "__main__":
    for found in read_segment(Path(sys.argv[1])):
        sys.stdout.buffer.write(b"%r\n" % {key: found[key] for key in ("kind", "at", "raw_length")} + found["raw"])
