"""What a check has seen so far, on disk: one line a segment, so that a check that is killed goes on where it was.

The file holds no bodies; it is removed when the check has ended. A torn last line is left out: its segment is looked
through again.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from mda.maintenance.survey import Survey

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(tuple[int, Survey])


class Journal:
    """Surveys by shard. Appended to by one process, which holds the shards' locks."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Iterator[tuple[int, Survey]]:
        """Shard id and survey of each segment that is done."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                yield _DECODER.decode(line)
            except msgspec.DecodeError:
                continue

    def add(self, shard_id: int, survey: Survey) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as stream:
            stream.write(b"\n" + _ENCODER.encode((shard_id, survey)))

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)
