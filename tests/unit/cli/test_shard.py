"""`mda shard list`: what is known of shards at once, and what is counted."""

import shutil
from pathlib import Path

import pytest

from tests.unit.cli.conftest import System

RAW = b"From: ben@example.net\r\nSubject: Lunch\r\n\r\nAt noon?\r\n"


def test_counters_tell_of_accounts_and_a_pass_of_what_lies_there(anne: System, tmp_path: Path) -> None:
    anne.done("shard", "add", "second", str(tmp_path / "second"), "--weight", "0")
    for _ in range(3):
        anne.deliver("anne@example.org", RAW)
    anne.done("message", "expunge", "anne@example.org", "INBOX:2")
    first, second = anne.listed("shard", "list")
    assert list(first) == ["name", "state", "weight", "accounts", "messages", "bytes", "free", "url"]
    assert (first["name"], first["accounts"], first["messages"]) == ("first", 1, 2)
    assert first["bytes"] == anne.listed("account", "list")[0]["used_bytes"]
    assert (second["accounts"], second["messages"], second["bytes"], second["weight"]) == (0, 0, 0, 0)
    assert second["url"] == (tmp_path / "second").as_uri()
    counted = anne.listed("shard", "list", "--exact")
    assert [(one["accounts"], one["messages"], one["bytes"]) for one in counted] == [(1, 3, 3 * len(RAW)), (0, 0, 0)]


def test_free_space_is_not_that_of_another_disk(anne: System, tmp_path: Path) -> None:
    anne.done("shard", "add", "second", str(tmp_path / "second"))
    assert anne.listed("shard", "list")[1]["free"] > 0
    shutil.rmtree(tmp_path / "second")
    (tmp_path / "second").mkdir()  # the folder that a disk was mounted on
    assert anne.listed("shard", "list")[1]["free"] is None
    assert anne.done("shard", "list").splitlines()[1].split("\t")[6] == ""


@pytest.mark.parametrize("name", ["", "a/b", "../a", ".a", "a\nb", "\x1b[31m", "\udcff", "a" * 65])
def test_name_that_is_no_part_of_a_path_is_refused(anne: System, tmp_path: Path, name: str) -> None:
    assert "is no name for a shard" in anne.refused("shard", "add", name, str(tmp_path / "shard"))
    assert not (tmp_path / "shard").exists()
