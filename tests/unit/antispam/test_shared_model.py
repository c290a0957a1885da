"""Processes share the pages of a model (mda/binding/shared_copy.py), and nothing done to its file ends one of them."""

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mda import binding
from mda.antispam.classifier import Classifier
from mda.antispam.training import FULL_VIEW
from mda.binding import Model
from mda.binding.shared_copy import PREFIX, shared
from mda.errors import InvalidValue
from mda.weights import Weights, pack

IDS = binding.features(b"From: a@example.org\r\nSubject: hello\r\n\r\nhow are you\r\n")
FLAT = Weights(binding.FEATURE_VERSION, 16, 1, 0.01, 0.0, 0.0, 1.0, 0.0, 0.95, FULL_VIEW, 0.2, bytes([1, 0]) * 65536)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(pack(FLAT))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spam"


def replace_model(path: Path, weight: int) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(pack(replace(FLAT, raw_weights=bytes([weight, 0]) * 65536)))
    fresh.rename(path)


def maps(folder: Path) -> list[tuple[str, str]]:
    """Rights and inode of each map of a file in `folder`."""
    lines = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if f"{folder}/" in line]
    return [(fields[1], fields[4]) for fields in lines]


def test_models_of_one_folder_are_one_file_mapped_for_reading(path: Path, folder: Path) -> None:
    models = [Model(path, folder) for _ in range(3)]
    assert all(model.is_shared for model in models)
    assert len(maps(folder)) == 3
    assert set(maps(folder)) == {("r--s", str(next(folder.iterdir()).stat().st_ino))}
    assert [model.score(IDS) for model in models] == [Model(path).score(IDS)] * 3


def test_processes_that_begin_at_once_map_the_same_file(path: Path, folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from mda.binding import Model\n"
        "model = Model(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "print([line.split()[4] for line in open('/proc/self/maps') if sys.argv[2] in line], flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(path), str(folder)]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate("")[0] for process in running]
    assert set(said) == {f"['{next(folder.iterdir()).stat().st_ino}']\n"}


def test_copy_can_not_be_opened_for_writing(path: Path, folder: Path) -> None:
    model = Model(path, folder)
    (copy,) = folder.iterdir()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o400
    assert model.version in copy.name


@pytest.mark.parametrize("content", [b"", b"garbage", pack(FLAT)[:-4096], pack(FLAT)[:-1] + b"\x07"])
def test_file_overwritten_in_place_keeps_the_old_model(path: Path, folder: Path, content: bytes) -> None:
    classifier = Classifier(path, shared_folder=folder)
    model = classifier.model
    before = model.score(IDS)
    path.write_bytes(content)  # the same inode, as cp does
    assert classifier.model is model
    assert model.score(IDS) == before
    assert isinstance(classifier.trouble, InvalidValue)
    assert str(path) in classifier.trouble.message


def test_replaced_file_is_mapped_at_the_next_message(path: Path, folder: Path) -> None:
    classifier = Classifier(path, shared_folder=folder)
    old = classifier.model
    before = old.score(IDS)
    replace_model(path, 2)
    new = classifier.model
    assert new.is_shared
    assert new.score(IDS).margin > before.margin
    assert [copy.name for copy in folder.iterdir()] == [PREFIX + new.version]
    assert old.score(IDS) == before  # who still has it mapped reads on


@pytest.mark.parametrize("damage", ["truncated", "other bytes"])
def test_damaged_copy_is_made_anew(path: Path, folder: Path, damage: str) -> None:
    before = Model(path, folder).score(IDS)
    (copy,) = folder.iterdir()
    content = copy.read_bytes()
    copy.unlink()
    copy.write_bytes(content[:5000] if damage == "truncated" else bytes(len(content)))
    model = Model(path, folder)
    assert model.is_shared
    assert model.score(IDS) == before
    assert copy.read_bytes() == content


def test_without_a_folder_to_write_in_the_model_is_in_memory(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    model = Model(path, tmp_path / "file")
    assert not model.is_shared
    assert model.score(IDS) == Model(path).score(IDS)


def test_what_others_write_at_this_moment_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    fresh, abandoned = folder / f"{PREFIX}a.new", folder / f"{PREFIX}b.new"
    for file in (fresh, abandoned):
        file.write_bytes(b"")
    os.utime(abandoned, (1, 1))
    assert bytes(shared(b"content", folder, "c")) == b"content"
    assert {file.name for file in folder.iterdir()} == {fresh.name, PREFIX + "c"}
