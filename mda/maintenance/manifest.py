"""A backup's manifest: which segments, up to which length, belong to it. What a backup is made of beside the segments.

FOLDER/manifests/ID.json        one per backup, written last: without it there is no backup
FOLDER/NAME-ID/                 a shard's copy, laid out as a shard is (docs/segment-format.md)
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from mda.errors import InvalidValue, NotFound
from mda.identifiers import format_id, parse_id
from mda.storage.syscalls import Syscalls, replace_file

FOLDER = "manifests"
VERSION = 1


class ShardCopy(msgspec.Struct, frozen=True):
    """One shard of a backup; `segments` are lengths by identifier (16 hexadecimal digits)."""

    id: int
    name: str
    url: str
    segments: dict[str, int]

    @property
    def folder(self) -> str:
        return f"{self.name}-{format_id(self.id)}"

    def lengths(self) -> Iterator[tuple[int, int]]:
        """Segment and length, oldest first."""
        for name, length in sorted(self.segments.items()):
            yield parse_id(name), length


class Manifest(msgspec.Struct, frozen=True):
    """One backup. Its identifier grows with time."""

    id: int
    made_at: datetime
    shards: tuple[ShardCopy, ...]
    version: int = VERSION


def write(root: Path, manifest: Manifest) -> None:
    """Durably: the backup exists from now on."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(Syscalls(), _path(root, manifest.id), msgspec.json.encode(manifest))


def read_all(root: Path) -> tuple[Manifest, ...]:
    """Every backup of the folder, oldest first; InvalidValue for a manifest that can't be read."""
    return tuple(_read(path) for path in sorted((root / FOLDER).glob("*.json")))


def find(root: Path, wanted: str | None) -> Manifest:
    """The backup of that identifier, the newest for None."""
    found = read_all(root)
    if not found:
        raise NotFound(f"there is no backup in {root}", "make one: mda backup")
    if wanted is None:
        return found[-1]
    chosen = next((one for one in found if format_id(one.id) == wanted), None)
    if chosen is None:
        raise NotFound(f"no backup {wanted} in {root}", "list them: mda restore --list")
    return chosen


def forget(root: Path, manifest: Manifest) -> None:
    _path(root, manifest.id).unlink(missing_ok=True)


def _path(root: Path, manifest_id: int) -> Path:
    return root / FOLDER / f"{format_id(manifest_id)}.json"


def _read(path: Path) -> Manifest:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise InvalidValue(f"{path}: {error}", "the manifest is damaged; use another backup") from error
    if found.version != VERSION:
        raise InvalidValue(f"{path}: version {found.version}", f"this program reads version {VERSION}")
    return found
