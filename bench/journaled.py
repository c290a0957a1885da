"""An ext4 with a journal, in a file: what a mail server has, and the disk of a virtual machine often has not.

To sync a file that has grown is a commit of the journal, so who writes how decides more there. All blocks of the file
are written before, or to write them first would cost what the disk below has no part in. Needs root and e2fsprogs.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.needed import PATH

BYTES = 8_589_934_592
PIECE = bytes(4_194_304)


@contextmanager
def journaled(place: Path) -> Iterator[Path]:
    """Its root, below `place`, which is on another one; CalledProcessError where it can't be made or mounted."""
    disk, root = place / "disk", place / "journaled"
    with disk.open("wb") as file:
        for _ in range(BYTES // len(PIECE)):
            file.write(PIECE)
        os.fsync(file.fileno())
    root.mkdir()
    _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", disk)
    device = _run("losetup", "--find", "--show", "--direct-io=on", disk).strip()
    try:
        _run("mount", device, root)
        try:
            yield root
        finally:
            _run("umount", "--lazy", root)
    finally:
        _run("losetup", "--detach", device)


def _run(program: str, *words: str | Path) -> str:
    return subprocess.run(
        [program, *words], env={**os.environ, "PATH": PATH}, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
