"""A shard: the folder that holds segments, and the marker file that proves it is the folder we mean.

    root/shard                              the marker, one checked line: id and name
    root/00123/00123456789abcde.seg         a segment: records (docs/segment-format.md)
    root/00123/00123456789abcde.seal        its seal, once it takes no more records

Without the marker nothing is read or written below a root: an unmounted disk must be StorageUnavailable (mail waits
in Postfix's queue), and not a fresh empty shard on the disk underneath.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mda.errors import Conflict, NotFound, SettingsError, StorageUnavailable
from mda.identifiers import format_id, parse_id
from mda.storage.checked_line import pack_line, unpack_line
from mda.storage.syscalls import Syscalls, make_folder, replace_file

MARKER = "shard"
_HEADING = "mda-shard 1"


class ShardState(Enum):
    """ACTIVE takes new accounts and mail; READONLY is only read; DRAINING takes mail while its accounts move away."""

    ACTIVE = "active"
    READONLY = "readonly"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class Shard:
    """One row of the directory's shard table."""

    id: int
    name: str
    url: str
    state: ShardState = ShardState.ACTIVE

    @property
    def root(self) -> Path:
        return shard_root(self.url)


def shard_root(url: str) -> Path:
    """The folder of a file:///path URL (RFC 8089); SettingsError for every other URL."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        raise SettingsError(f"shard {url!r}: object stores are not supported yet", "use file:///absolute/path")
    is_local = parts.netloc in ("", "localhost")
    if parts.scheme != "file" or not is_local or not parts.path.startswith("/") or parts.query or parts.fragment:
        raise SettingsError(f"shard {url!r}: not a file URL", "write it as file:///absolute/path")
    return Path(unquote(parts.path))


def create_shard(root: Path, shard_id: int, name: str) -> None:
    """Makes the folder and its marker, durably; to make the same shard again changes nothing.

    Conflict where another shard is there, or files that are no shard's; StorageUnavailable where it can't be made.
    """
    system = Syscalls()
    try:
        _make_root(system, root)
        marker = _read_marker(root)
        if marker == (shard_id, name):
            return
        if marker is not None:
            raise Conflict(f"{root} is shard {marker[1]} ({format_id(marker[0])})", "choose another folder")
        if any(entry.name != "lost+found" for entry in root.iterdir() if not entry.name.startswith(".")):
            raise Conflict(f"{root} holds files that belong to no shard", "choose an empty folder")
        fields = {"id": format_id(shard_id), "name": name}
        replace_file(system, root / MARKER, pack_line(_HEADING, fields))
    except OSError as error:
        raise StorageUnavailable(f"shard {name} can't be made in {root}: {error.strerror}") from error


def open_shard(root: Path, shard_id: int, name: str) -> Path:
    """`root`, after its marker has said that this is the shard; StorageUnavailable where it does not."""
    try:
        marker = _read_marker(root)
    except OSError as error:
        raise StorageUnavailable(f"shard {name}: {root}: {error.strerror}", "is its disk mounted?") from error
    if marker is None:
        raise StorageUnavailable(
            f"shard {name}: no marker file {root / MARKER}",
            f"is its disk mounted? If it is lost, make its folder anew: mda shard renew {name}",
        )
    if marker[0] != shard_id:
        raise StorageUnavailable(
            f"shard {name}: {root} is shard {marker[1]} ({format_id(marker[0])})", "is the right disk mounted?"
        )
    return root


def read_marker(root: Path) -> tuple[int, str]:
    """Id and name of the shard in this folder; NotFound where there is none."""
    try:
        marker = _read_marker(root)
    except OSError as error:
        raise StorageUnavailable(f"{root}: {error.strerror}", "is its disk mounted?") from error
    if marker is None:
        raise NotFound(f"{root} is no shard: it has no file {MARKER}", "name the folder of a shard")
    return marker


def _make_root(system: Syscalls, root: Path) -> None:
    missing = [folder for folder in (root, *root.parents) if not folder.exists()]
    for folder in reversed(missing):
        make_folder(system, folder)


def _read_marker(root: Path) -> tuple[int, str] | None:
    try:
        raw_line = (root / MARKER).read_bytes()
    except FileNotFoundError:
        return None
    fields = unpack_line(_HEADING, raw_line)
    if fields is None:
        raise StorageUnavailable(f"{root / MARKER} is damaged", "restore it from another copy of the shard")
    return parse_id(fields["id"]), fields["name"]
