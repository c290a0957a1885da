"""From bodies to rows: mail that was acknowledged and whose row is lost comes back; what nobody was told of goes.

A commit record says that the database had the message; no purge record, that nobody meant it to go. Without a commit
record a body is what a delivery left that died between body and row: Postfix still had the mail. (Or one of the last
moments before a worker was killed, if the database was set back just then.) It is kept for ORPHAN_DAYS.
"""

import time
from collections.abc import Iterator

from mda.errors import MdaError
from mda.identifiers import format_id
from mda.maintenance.check_bodies import Readers
from mda.maintenance.evidence import Commit, Copy, Evidence
from mda.maintenance.findings import Finding, Kind, Outcome
from mda.maintenance.restored import restored_delivery
from mda.metadata.directory import accounts
from mda.metadata.mailbox import attachment, consistency, places, retention
from mda.metadata.mailbox.places import Key
from mda.metadata.postgresql.opened import Handle
from mda.storage.encode import from_microseconds
from mda.storage.location import Location
from mda.storage.record import Target

ORPHAN_DAYS = 7
DAY_SECONDS = 86_400


class LostCheck:
    """Looks at every copy without a row, and at rows without each other."""

    def __init__(self, handle: Handle, evidence: Evidence, readers: Readers, *, repairs: bool) -> None:
        self._handle = handle
        self._evidence = evidence
        self._readers = readers
        self._repairs = repairs
        self._orphaned_before = time.time() - ORPHAN_DAYS * DAY_SECONDS

    def run(self) -> Iterator[Finding]:
        without_content = consistency.messages_without_content(self._handle)
        unclaimed = self._evidence.unclaimed()
        found = places.look_up(self._handle, sorted(unclaimed))
        purged = places.find_purged(self._handle, sorted(unclaimed))
        known = accounts.addresses_of(self._handle, sorted({key[0] for key in (*unclaimed, *without_content)}))
        for key, copy in sorted(unclaimed.items()):
            if key not in found and key not in purged:
                yield from self._judge(key, copy, known.get(key[0]), is_message=key in without_content)
        for key in sorted(without_content - set(unclaimed)):
            where = f"account {known.get(key[0], format_id(key[0]))}, message {format_id(key[1])}"
            yield Finding(Kind.MISSING, where, "it has neither content row nor body", Outcome.LEFT)
        yield from self._unreferenced()

    def _judge(self, key: Key, copy: Copy, address: str | None, *, is_message: bool) -> Iterator[Finding]:
        commit = self._evidence.commits.get(key)
        where = f"{copy.location}, account {address or format_id(key[0])}, message {format_id(key[1])}"
        if commit is None and not is_message:
            if copy.sealed_at and copy.sealed_at < self._orphaned_before:
                yield self._sweep(key, copy, where)
        elif address is None:
            yield Finding(Kind.LOST, where, "its account is gone, too: mda storage rebuild", Outcome.LEFT)
        else:
            yield self._attach(Kind.LOST_CONTENT if is_message else Kind.LOST, copy, address, commit, where)

    def _sweep(self, key: Key, copy: Copy, where: str) -> Finding:
        what = f"nobody was told that it is stored, {ORPHAN_DAYS} days ago or more"
        if self._repairs:
            retention.note_orphan(self._handle, key[0], key[1], copy.shard_id)
        return Finding(Kind.ORPHANED, where, what, Outcome.REPAIRED if self._repairs else Outcome.FOUND)

    def _attach(self, kind: Kind, copy: Copy, address: str, commit: Commit | None, where: str) -> Finding:
        if not self._repairs:
            return Finding(kind, where, "its row is gone", Outcome.FOUND)
        try:
            record = self._readers[copy.shard_id].read_record(copy.location)
            delivery = restored_delivery(
                record.raw,
                digest=record.header.digest,
                address=address,
                target=copy.target,
                reverse_path=record.meta.reverse_path if record.meta else "",
                shard_id=copy.shard_id,
                location=copy.location,
                received_at=from_microseconds(record.header.received_at),
            )
            mailbox_id, uid = (commit.mailbox_id, commit.uid) if commit else (None, None)
            placed = attachment.attach(self._handle, delivery, mailbox_id, uid)
        except MdaError as error:
            return Finding(kind, where, str(error), Outcome.LEFT)
        told = f"it is back under UID {placed.uid}" if placed and placed.is_new else "its row is back"
        return Finding(kind, where, told, Outcome.REPAIRED)

    def _unreferenced(self) -> Iterator[Finding]:
        """Contents with a body and in no mailbox: their message rows are lost."""
        keys = sorted(consistency.unreferenced_contents(self._handle))
        known = accounts.addresses_of(self._handle, sorted({key[0] for key in keys}))
        found = places.look_up(self._handle, keys)
        for key, place in sorted((key, leads.place) for key, leads in found.items()):
            copy = Copy(place.shard_id, Location(place.segment, place.offset, place.length), Target(*key), 0)
            where = f"{copy.location}, account {known.get(key[0], format_id(key[0]))}, message {format_id(key[1])}"
            if key[0] in known:
                yield self._attach(Kind.LOST, copy, known[key[0]], None, where)
            else:
                yield Finding(Kind.LOST, where, "its account is gone, too: mda storage rebuild", Outcome.LEFT)
