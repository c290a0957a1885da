"""The file system with a journal: it is there, it has one, and nothing of it is left."""

import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench import journaled as module
from bench.journaled import journaled
from bench.needed import PATH

SMALL = 67_108_864
PROGRAMS = ("mkfs.ext4", "losetup", "mount", "umount")


def test_it_has_a_journal_and_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0 or not all(shutil.which(name, path=PATH) for name in PROGRAMS):
        pytest.skip(f"needs root and {', '.join(PROGRAMS)}")
    monkeypatch.setattr(module, "BYTES", SMALL)
    before = devices()
    with ExitStack() as stack:
        try:
            root = stack.enter_context(journaled(tmp_path))
        except subprocess.CalledProcessError as error:
            pytest.skip(f"needs loop devices and the right to mount: {error}")
        assert os.path.ismount(root)
        (device,) = devices() - before
        (root / "mail").write_bytes(b"x")
        journal = Path(f"/sys/fs/ext4/{device}/journal_task").read_text().strip()
        assert journal.isdigit(), "the process that commits it"
    assert not os.path.ismount(root)
    deadline = time.monotonic() + 30
    while devices() != before and time.monotonic() < deadline:
        time.sleep(0.05)  # the kernel lets go of it in its own time
    assert devices() == before


def devices() -> set[str]:
    """Loop devices in use."""
    return {path.parent.name for path in Path("/sys/block").glob("loop*/loop")}
