"""Shards: URLs, the marker, and what stands in for an unmounted disk."""

import shutil
from pathlib import Path

import pytest

from mda.errors import Conflict, SettingsError, StorageUnavailable
from mda.storage.checked_line import pack_line, unpack_line
from mda.storage.shard import MARKER, Shard, create_shard, open_shard, shard_root


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("file:///srv/mail", "/srv/mail"),
        ("file://localhost/srv/mail", "/srv/mail"),
        ("file:///srv/two%20words", "/srv/two words"),
    ],
)
def test_file_urls(url: str, root: str) -> None:
    assert shard_root(url) == Path(root)


@pytest.mark.parametrize(
    "url",
    ["s3://bucket/prefix", "file://host/srv", "file:srv", "srv/mail", "/srv/mail", "", "http://x/y", "file:///a?b"],
)
def test_other_urls_are_refused_with_the_way_out(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        shard_root(url)
    assert "file:///absolute/path" in caught.value.remedy
    assert repr(url) in caught.value.message


def test_create_makes_folders_and_is_repeatable(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "er" / "shard"
    create_shard(root, 17, "mail one")
    create_shard(root, 17, "mail one")
    assert open_shard(root, 17, "mail one") == root
    assert [entry.name for entry in root.iterdir()] == [MARKER]


def test_create_refuses_what_is_another_shard_or_no_shard(tmp_path: Path) -> None:
    create_shard(tmp_path / "one", 1, "one")
    with pytest.raises(Conflict, match="is shard one"):
        create_shard(tmp_path / "one", 2, "two")
    (tmp_path / "homes").mkdir()
    (tmp_path / "homes" / "letter.txt").write_text("dear")
    with pytest.raises(Conflict, match="belong to no shard"):
        create_shard(tmp_path / "homes", 2, "two")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable, match="two can't be made"):
        create_shard(tmp_path / "file", 2, "two")


def test_unmounted_disk_is_unavailable(shard: Shard) -> None:
    (shard.root / MARKER).unlink()
    with pytest.raises(StorageUnavailable, match="is its disk mounted"):
        open_shard(shard.root, shard.id, shard.name)
    shutil.rmtree(shard.root)
    with pytest.raises(StorageUnavailable, match="first"):
        open_shard(shard.root, shard.id, shard.name)


def test_another_shards_disk_is_unavailable(shard: Shard) -> None:
    with pytest.raises(StorageUnavailable, match="right disk"):
        open_shard(shard.root, shard.id + 1, "second")


def test_damaged_marker_is_said(shard: Shard) -> None:
    marker = shard.root / MARKER
    whole = marker.read_bytes()
    for at in range(len(whole)):
        hurt = bytearray(whole)
        hurt[at] ^= 1
        marker.write_bytes(hurt)
        with pytest.raises(StorageUnavailable, match="damaged"):
            open_shard(shard.root, shard.id, shard.name)


def test_checked_line_round_trip() -> None:
    fields: dict[str, str | int] = {"name": "a b=c\n%ä crc=", "length": 12}
    line = pack_line("mda-test 1", fields)
    assert line.count(b"\n") == 1
    assert unpack_line("mda-test 1", line) == {"name": "a b=c\n%ä crc=", "length": "12"}
    assert unpack_line("mda-test 2", line) is None
    assert all(unpack_line("mda-test 1", line[:cut]) is None for cut in range(len(line)))
