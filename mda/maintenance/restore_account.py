"""One account's mail out of a backup, into the running store: what is missing comes back, nothing else changes.

The backup's checkpoint says which messages the account had, where, and with which flags. A message comes back under a
new id and UID, into the mailbox of its name, unless the very same bytes lie in that mailbox.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mda.delivery import delivered_form
from mda.errors import NotFound, RecordDamaged
from mda.identifiers import format_id
from mda.maintenance.manifest import Manifest
from mda.maintenance.rebuild_checkpoint import newest_whole
from mda.maintenance.rebuild_survey import Ledger, survey_into
from mda.metadata.checkpoint import lines
from mda.storage.location import Location
from mda.storage.reader import SegmentReader
from mda.storage.shard import Shard

Row = dict[str, Any]


@dataclass(slots=True)
class Held:
    """What a backup knows of one account."""

    account_id: int
    paths: dict[int, str] = field(default_factory=dict)
    messages: list[Row] = field(default_factory=list)
    contents: dict[int, Row] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """One message of the backup: its place then, its bytes as stored, and its delivery's own prefix and spans."""

    path: str
    row: Row
    raw: bytes
    prefix: bytes
    forged_spans: tuple[tuple[int, int], ...]

    @property
    def delivered_size(self) -> int:
        return delivered_form.size(self.prefix, len(self.raw), self.forged_spans)


class AccountBackup:
    """The account of `address`, as a backup has it. NotFound where it has none. `watch` is told of the octets that are
    looked through for it."""

    def __init__(
        self, root: Path, chosen: Manifest, address: str, watch: Callable[[int], None] = lambda octets: None
    ) -> None:
        self._shards = [Shard(copy.id, copy.name, (root / copy.folder).resolve().as_uri()) for copy in chosen.shards]
        self._readers = [SegmentReader(shard) for shard in self._shards]
        self._ledger = Ledger()
        for number, copy in enumerate(chosen.shards):
            survey_into(self._ledger, number, self._shards[number], copy.lengths(), watch)
        self._held = self._find(address, format_id(chosen.id))

    def messages(self, path: str | None = None, content_id: int | None = None) -> Iterator[Kept]:
        """By mailbox and UID; only those of a mailbox, or only the one of that id. RecordDamaged where the backup's
        copy is damaged, NotFound where there is no such message."""
        wanted = self._wanted(path, content_id)
        if not wanted and (path is not None or content_id is not None):
            what = f"mailbox {path}" if path is not None else f"message {format_id(content_id or 0)}"
            raise NotFound(f"the backup has nothing of {what}")
        for row in sorted(wanted, key=lambda one: (self._held.paths[one["mailbox_id"]], one["uid"])):
            yield self._kept(row)

    def count(self, path: str | None = None, content_id: int | None = None) -> int:
        """How many `messages` would give."""
        return len(self._wanted(path, content_id))

    def _wanted(self, path: str | None, content_id: int | None) -> list[Row]:
        return [
            row
            for row in self._held.messages
            if path in (None, self._held.paths.get(row["mailbox_id"])) and content_id in (None, row["content_id"])
        ]

    def _kept(self, row: Row) -> Kept:
        key = (self._held.account_id, row["content_id"])
        spot = self._ledger.spots.get(key)
        if spot is None:
            raise RecordDamaged(f"the backup has no body of message {format_id(key[1])}", "use another backup")
        raw = self._readers[spot.shard].read(Location(spot.segment, spot.offset, spot.length))
        known = self._held.contents.get(row["content_id"], {})
        edges = known.get("forged_spans", ())
        spans = tuple(zip(edges[::2], edges[1::2], strict=True))
        return Kept(self._held.paths[row["mailbox_id"]], row, raw, known.get("prefix", b""), spans)

    def _find(self, address: str, backup: str) -> Held:
        checkpoints = [
            found
            for number, reader in enumerate(self._readers)
            if (found := newest_whole(reader, self._ledger.checkpoints.get(number, {}))) is not None
        ]
        newest_first = sorted(checkpoints, key=lambda one: one[0], reverse=True)
        account_id = next(
            (
                row["id"]
                for name, row in _rows(newest_first[0][1] if newest_first else ())
                if name == "account" and row["address"] == address
            ),
            None,
        )
        if account_id is None:
            raise NotFound(f"backup {backup} has no account {address}", "list others: mda restore --list")
        for _, parts in newest_first:
            held = _owned(parts, account_id)
            if held.paths:
                return held
        return Held(account_id)


def _owned(parts: Sequence[Sequence[bytes]], account_id: int) -> Held:
    held = Held(account_id)
    mailboxes: dict[int, Row] = {}
    for name, row in _rows(parts):
        if row.get("account_id") != account_id:
            continue
        if name == "mailbox":
            mailboxes[row["id"]] = row
        elif name == "message":
            held.messages.append(row)
        elif name == "content":
            held.contents[row["id"]] = row
    for mailbox_id, row in mailboxes.items():
        levels = [row["name"]]
        while (parent := row.get("parent_id")) is not None:
            row = mailboxes[parent]
            levels.append(row["name"])
        held.paths[mailbox_id] = "/".join(reversed(levels))
    return held


def _rows(parts: Sequence[Sequence[bytes]]) -> Iterator[tuple[str, Row]]:
    for raw_line in (line for part in parts for line in part):
        document = json.loads(raw_line)
        unpacked = lines.unpack(document) if "table" in document else None
        if unpacked is not None:
            yield unpacked[0].name, unpacked[1]
