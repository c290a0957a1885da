"""The newest whole checkpoints of the shards, loaded into an empty database.

The directory is taken from the newest of all: what is not in it is gone. An account's own rows are taken from the
newest that has the account: it may have moved since an older one. What is purged is left out.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mda.errors import RecordDamaged
from mda.maintenance.rebuild_survey import Ledger
from mda.metadata.checkpoint import lines, load
from mda.metadata.checkpoint.lines import Table
from mda.metadata.mailbox.erasure import ALL_CONTENTS
from mda.metadata.mailbox.places import Key
from mda.metadata.postgresql.opened import Handle
from mda.metadata.schema.columns import PER_ACCOUNT
from mda.storage.location import Location
from mda.storage.reader import SegmentReader

BATCH = 500
OF_CONTENT = ("prefix", "forged_spans", "thread_id", "spam_score", "spam_reasons", "original_recipient", "queue_id")
"""Columns that no record can give."""

Row = dict[str, Any]


def load_checkpoints(handle: Handle, ledger: Ledger, readers: Sequence[SegmentReader]) -> dict[Key, Row]:
    """Rows of all tables but `content`; of that, what the records can't give, by account and content id."""
    whole = [
        found
        for number, reader in enumerate(readers)
        if (found := newest_whole(reader, ledger.checkpoints.get(number, {}))) is not None
    ]
    kept: dict[Key, Row] = {}
    loaded: set[int] = set()
    for place, (_, parts) in enumerate(sorted(whole, key=lambda one: one[0], reverse=True)):
        loader = _Loader(handle, ledger, kept, frozenset(loaded), takes_directory=place == 0)
        loaded |= loader.load(raw_line for part in parts for raw_line in part)
    return kept


def newest_whole(reader: SegmentReader, checkpoints: dict[int, list[Location]]) -> tuple[int, list[list[bytes]]] | None:
    """Id and parts, as lines, of the newest checkpoint that has all of its parts."""
    for checkpoint_id, places in sorted(checkpoints.items(), reverse=True):
        parts = _whole(reader, places)
        if parts is not None:
            return checkpoint_id, parts
    return None


def _whole(reader: SegmentReader, places: Sequence[Location]) -> list[list[bytes]] | None:
    """The parts in order, as lines; None where one is missing."""
    parts: dict[int, list[bytes]] = {}
    for place in places:
        try:
            first, *rest = reader.read(place).splitlines()
        except RecordDamaged:
            return None
        parts[json.loads(first)["part"]] = rest
    last = parts.get(len(parts) - 1)
    end = json.loads(last[-1]) if last else {}
    if end.get("parts") != len(parts):
        return None
    return [parts[number] for number in range(len(parts))]


class _Loader:
    """Loads one checkpoint; `loaded` are the accounts that a newer one has brought."""

    def __init__(
        self, handle: Handle, ledger: Ledger, kept: dict[Key, Row], loaded: frozenset[int], *, takes_directory: bool
    ) -> None:
        self._handle = handle
        self._ledger = ledger
        self._kept = kept
        self._loaded = loaded
        self._takes_directory = takes_directory
        self._wanted: frozenset[int] = frozenset()
        self._table: Table | None = None
        self._rows: list[Row] = []

    def load(self, raw_lines: Iterable[bytes]) -> set[int]:
        """The accounts of which it had rows."""
        owners: set[int] = set()
        for raw_line in raw_lines:
            document = json.loads(raw_line)
            unpacked = lines.unpack(document) if "table" in document else None
            if unpacked is None:
                continue
            table, row = unpacked
            if table is not self._table:
                self._flush()  # tables stand in the order of their references
                self._table = table
                self._wanted = frozenset(load.accounts(self._handle)) - self._loaded
            if table.info.get(PER_ACCOUNT):
                owners.add(row["account_id"])
            self._take(table, row)
        self._flush()
        return owners

    def _take(self, table: Table, row: Row) -> None:
        if table.name == "shard":
            load.add_shard(self._handle, row["id"], row["name"], row["url"])
            load.set_shard(self._handle, row)
        elif table.info.get(PER_ACCOUNT):
            self._take_owned(table, row)
        elif table.name == "purged":
            self._add(row)
        elif self._takes_directory:
            owner = row["id"] if table.name == "account" else row.get("account_id", 0)
            if not self._ledger.is_purged((owner, ALL_CONTENTS)):
                self._add(row)

    def _take_owned(self, table: Table, row: Row) -> None:
        account_id = row["account_id"]
        content_id = row["id"] if table.name == "content" else row.get("content_id", ALL_CONTENTS)
        if account_id not in self._wanted or self._ledger.is_purged((account_id, content_id)):
            return
        if table.name == "content":
            self._kept[account_id, content_id] = {name: row[name] for name in OF_CONTENT if name in row}
        else:
            self._add(row)

    def _add(self, row: Row) -> None:
        self._rows.append(row)
        # Mailboxes wait for all others of the checkpoint: a child may stand before its parent.
        if len(self._rows) >= BATCH and self._table is not None and self._table.name != "mailbox":
            self._flush()

    def _flush(self) -> None:
        if self._table is None:
            return
        if self._table.name == "mailbox":
            self._rows.sort(key=_depth(self._rows))
        for start in range(0, len(self._rows), BATCH):
            load.add_rows(self._handle, self._table, self._rows[start : start + BATCH])
        self._rows = []


def _depth(rows: Sequence[Row]) -> Callable[[Row], int]:
    """How far below the root a mailbox stands."""
    parents = {(row["account_id"], row["id"]): row.get("parent_id") for row in rows}

    def depth(row: Row) -> int:
        found, parent = 0, row.get("parent_id")
        while parent is not None:
            found, parent = found + 1, parents.get((row["account_id"], parent))
        return found

    return depth
