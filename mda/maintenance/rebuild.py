"""Fills an empty database from the segments alone.

    survey       where the newest copy of each message lies; what was committed and what purged
    checkpoints  the newest whole one of each shard: directory, mailboxes, messages, flags
    messages     rows of every body: placed by the checkpoint, else by its commit record, else once per receipt in INBOX

A mailbox in which anything has happened since its checkpoint gets a new UIDVALIDITY, so that no UID stands for two
messages; the others keep theirs and leave a gap before the next UID. What died in the middle begins anew.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mda.errors import RecordDamaged
from mda.identifiers import format_id
from mda.maintenance.rebuild_checkpoint import load_checkpoints
from mda.maintenance.rebuild_survey import Ledger, survey
from mda.maintenance.restored import restored_delivery
from mda.metadata.checkpoint import load
from mda.metadata.checkpoint.load import Placed
from mda.metadata.delivery.deliver import Delivery
from mda.metadata.mailbox import attachment, consistency
from mda.metadata.mailbox.places import Key
from mda.metadata.postgresql.opened import Handle
from mda.metadata.schema.words import Role
from mda.settings import Settings
from mda.storage.encode import from_microseconds
from mda.storage.location import Location
from mda.storage.reader import SegmentReader
from mda.storage.record import NO_RECEIPT, Target
from mda.storage.shard import Shard

BATCH = 500
INBOX = "INBOX"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One account that is back. `by_checkpoint`, `by_commit` and `unclaimed` say what placed its messages; `missing`
    had rows and have no body."""

    address: str
    by_checkpoint: int
    by_commit: int
    unclaimed: int
    missing: int


PASSES = 2
"""How often a body is read: when the segments are surveyed, and for its row."""


def rebuild(
    handle: Handle, settings: Settings, shards: Sequence[Shard], watch: Callable[[int], None] = lambda octets: None
) -> Iterator[Rebuilt]:
    """Each account when it is back. Conflict where the database is in use. `watch` is told of what is read."""
    load.begin(handle)
    for shard in shards:
        load.add_shard(handle, shard.id, shard.name, shard.url)
    ledger = survey(shards, watch)
    readers = [SegmentReader(shard) for shard in shards]
    kept = load_checkpoints(handle, ledger, readers)
    work = _Rebuilding(handle, settings, ledger, shards, readers, kept, watch)
    contents = ledger.by_account()
    for account_id in sorted(set(contents) | set(load.accounts(handle))):
        yield work.account(account_id, contents.get(account_id, []))
    for reader in readers:
        reader.close()
    load.finish(handle)


class _Rebuilding:
    """One rebuild's accounts."""

    def __init__(
        self,
        handle: Handle,
        settings: Settings,
        ledger: Ledger,
        shards: Sequence[Shard],
        readers: Sequence[SegmentReader],
        kept: dict[Key, dict[str, Any]],
        watch: Callable[[int], None],
    ) -> None:
        self._handle = handle
        self._ledger = ledger
        self._shards = shards
        self._readers = readers
        self._kept = kept
        self._watch = watch
        self._addresses = load.accounts(handle)
        self._receipts_since = datetime.now(UTC) - timedelta(days=settings.delivery.receipt_days)

    def account(self, account_id: int, content_ids: Sequence[int]) -> Rebuilt:
        """Makes the account's rows; `content_ids` are those that segments hold and nobody has purged."""
        address = self._addresses.get(account_id)
        if address is None:
            shard = self._shards[self._ledger.spots[account_id, content_ids[0]].shard]
            address = load.make_account(self._handle, account_id, shard.id)
        load.ensure_state(self._handle, account_id)
        self._make_mailboxes(account_id, content_ids)
        placed = load.placed_contents(self._handle, account_id)
        rows, by_commit = self._place(account_id, content_ids, placed)
        wanted = {row.content_id for row in rows} | (placed & set(content_ids))
        there = self._insert_contents(account_id, address, sorted(wanted))
        rows = [row for row in rows if row.content_id in there]
        for start in range(0, len(rows), BATCH):
            load.place(self._handle, account_id, rows[start : start + BATCH])
        missing = load.drop_bodiless(self._handle, account_id)
        load.renew(self._handle, account_id, {row.mailbox_id for row in rows})
        consistency.examine(self._handle, account_id, repairs=True)
        return Rebuilt(address, len(placed & there), by_commit, len(rows) - by_commit, missing)

    def _make_mailboxes(self, account_id: int, content_ids: Sequence[int]) -> None:
        """Those that only commit records name. An account's first mailbox is its INBOX, made with it."""
        known = load.mailboxes(self._handle, account_id)
        commits = (self._ledger.commits.get((account_id, one)) for one in content_ids)
        wanted = sorted({commit[0] for commit in commits if commit is not None} - set(known))
        if Role.INBOX not in known.values():
            inbox = wanted.pop(0) if wanted else account_id
            load.make_mailbox(self._handle, account_id, inbox, INBOX, Role.INBOX)
        for mailbox_id in wanted:
            load.make_mailbox(self._handle, account_id, mailbox_id, f"Recovered {format_id(mailbox_id)}", None)

    def _place(self, account_id: int, content_ids: Sequence[int], placed: frozenset[int]) -> tuple[list[Placed], int]:
        """Rows of what no checkpoint places: where its commit record says, or in INBOX once per receipt; and how many
        have a commit record."""
        used = load.uids(self._handle, account_id)
        receipts = {self._ledger.spots[account_id, one].receipt for one in content_ids if one in placed}
        rows: list[Placed] = []
        rest: list[int] = []
        for content_id in content_ids:
            commit = self._ledger.commits.get((account_id, content_id))
            if content_id in placed:
                continue
            if commit is None or commit[1] in used.setdefault(commit[0], set()):
                rest.append(content_id)
                continue
            receipts.add(self._ledger.spots[account_id, content_id].receipt)
            used[commit[0]].add(commit[1])
            rows.append(self._row(account_id, content_id, *commit))
        by_commit = len(rows)
        known = load.mailboxes(self._handle, account_id)
        inbox = next(mailbox_id for mailbox_id, role in known.items() if role is Role.INBOX)
        for content_id in rest:
            receipt = self._ledger.spots[account_id, content_id].receipt
            if receipt != NO_RECEIPT and receipt in receipts:
                continue  # another try of a delivery that is there
            receipts.add(receipt)
            uid = max(used.setdefault(inbox, set()), default=0) + 1
            used[inbox].add(uid)
            rows.append(self._row(account_id, content_id, inbox, uid))
        return rows, by_commit

    def _row(self, account_id: int, content_id: int, mailbox_id: int, uid: int) -> Placed:
        spot = self._ledger.spots[account_id, content_id]
        received_at = from_microseconds(spot.received_at)
        is_kept = spot.receipt != NO_RECEIPT and received_at > self._receipts_since
        return Placed(content_id, mailbox_id, uid, received_at, spot.receipt if is_kept else None)

    def _insert_contents(self, account_id: int, address: str, content_ids: Sequence[int]) -> frozenset[int]:
        """Those whose body can be read."""
        there: set[int] = set()
        for start in range(0, len(content_ids), BATCH):
            made = [self._delivery(account_id, address, one) for one in content_ids[start : start + BATCH]]
            deliveries = [one for one in made if one is not None]
            attachment.insert_contents(self._handle, deliveries)
            there |= {one.content_id for one in deliveries}
        return frozenset(there)

    def _delivery(self, account_id: int, address: str, content_id: int) -> Delivery | None:
        spot = self._ledger.spots[account_id, content_id]
        location = Location(spot.segment, spot.offset, spot.length)
        self._watch(spot.length)
        try:
            record = self._readers[spot.shard].read_record(location)
        except RecordDamaged:
            return None  # damaged since the survey
        return restored_delivery(
            record.raw,
            digest=record.header.digest,
            address=address,
            target=Target(account_id, content_id, spot.receipt),
            reverse_path=record.meta.reverse_path if record.meta else "",
            shard_id=self._shards[spot.shard].id,
            location=location,
            received_at=from_microseconds(record.header.received_at),
            kept=self._kept.get((account_id, content_id)),
        )
