"""From rows to bodies: every row must lead to a sound record of its account, and is led to a good copy where not.

The first to be asked is its replica, which is then no replica any more; a replica that is no good is forgotten. Whoever
repairs makes the missing ones afterwards (`replication`).

Rows are compared with the survey by segment: where as many lead there as sound records were found, they are sound. Only
the others are looked at one by one, and read as they lie now.
"""

from collections.abc import Iterator, Mapping

from mda.errors import MdaError, NotFound, RecordDamaged
from mda.identifiers import format_id
from mda.maintenance.evidence import Copy, Evidence
from mda.maintenance.findings import Finding, Kind, Outcome
from mda.metadata.directory import accounts
from mda.metadata.mailbox import places, replicas
from mda.metadata.mailbox.places import Key, Move, Place
from mda.metadata.postgresql.opened import Handle
from mda.storage.location import Location
from mda.storage.reader import SegmentReader
from mda.storage.record import Target

Readers = Mapping[int, SegmentReader]


class BodyCheck:
    """Looks at the rows of one shard."""

    def __init__(self, handle: Handle, evidence: Evidence, readers: Readers, *, repairs: bool) -> None:
        self._handle = handle
        self._evidence = evidence
        self._readers = readers
        self._repairs = repairs

    def run(self, shard_id: int) -> Iterator[Finding]:
        bad = []
        for key, place, digest in places.rows_in(self._handle, shard_id, self._suspects(shard_id)):
            flaw = self._flaw(key, place, digest)
            if flaw is not None:
                bad.append((key, place, digest, flaw))
        copies = self._evidence.copies_of(frozenset(one[0] for one in bad))
        names = accounts.addresses_of(self._handle, sorted({one[0][0] for one in bad}))
        for key, place, digest, (kind, what) in bad:
            where = f"{what}, account {names.get(key[0], format_id(key[0]))}, message {format_id(key[1])}"
            leads = places.look_up(self._handle, [key]).get(key)
            if leads is not None and leads.replica is not None:
                second = _copy_at(key, leads.replica)
                if place == leads.replica and place != leads.place:
                    yield self._forgotten(kind, key, place, where)
                    continue
                if place != leads.replica and self._is_good(second, key, digest):
                    yield self._promoted(kind, key, where, second)
                    continue
            copy = next((one for one in copies.get(key, ()) if self._is_good(one, key, digest)), None)
            yield self._mended(kind, key, place, where, copy)

    def _suspects(self, shard_id: int) -> list[int]:
        """Segments to which other than their sound records rows lead."""
        rows = places.rows_by_segment(self._handle, shard_id)
        surveys = self._evidence.surveys
        return [
            segment
            for segment, count in rows.items()
            if (survey := surveys.get((shard_id, segment))) is None or survey.sound != count or not survey.is_sealed
        ]

    def _flaw(self, key: Key, place: Place, digest: bytes) -> tuple[Kind, str] | None:
        """What is wrong with the row's body; None for a sound one, and for a row that leads elsewhere by now."""
        leads = places.look_up(self._handle, [key]).get(key)
        if leads is None or place not in leads:
            return None
        location = Location(place.segment, place.offset, place.length)
        try:
            record = self._readers[place.shard_id].read_record(location)
        except RecordDamaged as error:
            return Kind.DAMAGED_BODY, error.message
        except NotFound as error:
            return Kind.MISSING, error.message
        targets = record.meta.targets if record.meta else ()
        if record.header.digest == digest and key in {(one.account_id, one.content_id) for one in targets}:
            return None
        return Kind.MISPLACED, f"{location}: the record there is another message's"

    def _is_good(self, copy: Copy, key: Key, digest: bytes) -> bool:
        try:
            record = self._readers[copy.shard_id].read_record(copy.location)
        except MdaError:
            return False
        targets = record.meta.targets if record.meta else ()
        return record.header.digest == digest and key in {(one.account_id, one.content_id) for one in targets}

    def _forgotten(self, kind: Kind, key: Key, place: Place, where: str) -> Finding:
        """A replica that is no good: another will be written."""
        if not self._repairs:
            return Finding(kind, where, "it is a replica", Outcome.FOUND)
        replicas.forget(self._handle, key, place)
        return Finding(kind, where, "it was a replica, and is written anew", Outcome.REPAIRED)

    def _promoted(self, kind: Kind, key: Key, where: str, second: Copy) -> Finding:
        there = f"its replica is in {second.location}"
        if not self._repairs:
            return Finding(kind, where, there, Outcome.FOUND)
        done = replicas.promote(self._handle, key)
        return Finding(kind, where, there, Outcome.REPAIRED if done else Outcome.LEFT)

    def _mended(self, kind: Kind, key: Key, place: Place, where: str, copy: Copy | None) -> Finding:
        if copy is None:
            return Finding(kind, where, "there is no other copy; a backup may have one", Outcome.LEFT)
        there = f"a good copy lies in {copy.location}"
        if not self._repairs:
            return Finding(kind, where, there, Outcome.FOUND)
        target = Place(copy.shard_id, copy.location.segment, copy.location.offset, copy.location.length)
        done = places.repoint(self._handle, place.shard_id, place.segment, [Move(key, place.offset, target)])
        return Finding(kind, where, there, Outcome.REPAIRED if done else Outcome.LEFT)


def _copy_at(key: Key, place: Place) -> Copy:
    return Copy(place.shard_id, Location(place.segment, place.offset, place.length), Target(*key), 0)
