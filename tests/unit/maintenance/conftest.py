"""A prepared system (as for the commands), and what tests of the shards' upkeep do to its files."""

from pathlib import Path

from mda.identifiers import format_id
from mda.maintenance.compaction import Rules
from mda.storage.abandoned import list_segments
from mda.storage.body import Codecs
from mda.storage.checked_line import pack_line
from mda.storage.decode import decode_record
from mda.storage.dictionaries import Dictionaries
from mda.storage.location import seal_path
from mda.storage.scan import Found, scan_segment
from mda.storage.seal import read_seal
from tests.unit.cli.conftest import System, anne, mail, system

__all__ = ["AT_ONCE", "age_seals", "anne", "mail", "shard_bytes", "shard_root", "system"]

AT_ONCE = Rules(dead_share=0.5, settled_seconds=-1, grace_seconds=0)
"""No waiting: nothing else runs in a test."""


def shard_root(system: System) -> Path:
    return system.data_dir / "shards" / "first"


def age_seals(root: Path) -> None:
    """Makes every sealed segment look as if it had been sealed long ago."""
    for segment, is_sealed in list_segments(root):
        seal = read_seal(root, segment) if is_sealed else None
        if seal is not None:
            fields: dict[str, str | int] = {
                "segment": format_id(segment),
                "length": seal.length,
                "reason": seal.reason.value,
                "sealed_at": 1,
            }
            seal_path(root, segment).write_bytes(pack_line("mda-seal 1", fields))


def shard_bytes(root: Path) -> bytes:
    """All raw bytes of the shard's segments: stored ones, and bodies decoded."""
    codecs = Codecs(dictionaries=Dictionaries(root))
    octets = [path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()]
    for path in sorted(root.rglob("*.seg")):
        octets += [decode_record(step.stored, codecs).raw for step in scan_segment(path) if isinstance(step, Found)]
    return b"".join(octets)
