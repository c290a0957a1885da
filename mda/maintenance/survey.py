"""One segment looked through: what in it rows lead to, what they do not, and what is no record.

The first pass of a check; `Survey` is what the later passes need of a segment, small enough to be kept in a journal
while the check goes on.
"""

from dataclasses import dataclass

from mda.errors import StorageUnavailable
from mda.maintenance.pace import Pace
from mda.metadata.mailbox import places
from mda.metadata.mailbox.places import Key, Leads, Place
from mda.metadata.postgresql.opened import Handle
from mda.storage.body import Codecs
from mda.storage.commits import unpack_commits, unpack_purges
from mda.storage.decode import Record, decode_record
from mda.storage.dictionaries import Dictionaries
from mda.storage.location import segment_path
from mda.storage.record import Kind, Malformed
from mda.storage.scan import Damage, Found, scan_segment
from mda.storage.seal import Seal, read_seal
from mda.storage.shard import Shard

BATCH_RECORDS = 500
BATCH_BYTES = 8_388_608

Spot = tuple[int, int, int, int, bytes]
"""A target's copy: account id, content id, offset, length, receipt."""


@dataclass(frozen=True, slots=True)
class Survey:
    """`sound` is how many rows lead to sound records here. `unclaimed` are copies whose target has no row, `copies`
    those whose row leads elsewhere; `commits` (account, mailbox, UID, content) are of targets without rows."""

    segment: int
    size: int
    sealed_length: int
    """-1: no seal that can be read."""
    sealed_at: int
    sound: int
    unclaimed: tuple[Spot, ...] = ()
    copies: tuple[Spot, ...] = ()
    commits: tuple[tuple[int, int, int, int], ...] = ()
    purges: tuple[Key, ...] = ()
    damages: tuple[tuple[int, int, str], ...] = ()
    """Offset, length, flaw."""

    @property
    def is_sealed(self) -> bool:
        return self.sealed_length >= 0


class Surveyor:
    """Looks through segments of one shard, each record verified by its digest."""

    def __init__(self, handle: Handle, shard: Shard, pace: Pace) -> None:
        self._handle = handle
        self._shard = shard
        self._pace = pace
        self._codecs = Codecs(dictionaries=Dictionaries(shard.root))

    def survey(self, segment: int) -> Survey | None:
        """None where the segment has been removed meanwhile."""
        path = segment_path(self._shard.root, segment)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageUnavailable(
                f"{path}: {error.strerror}", "see the kernel's log for the disk's state"
            ) from error
        seal = read_seal(self._shard.root, segment)
        notes = _Notes()
        batch: list[tuple[Found, Record]] = []
        octets = 0
        for step in scan_segment(path, seal.length if seal else None):
            self._pace.spend(step.length)
            if isinstance(step, Damage):
                notes.damages.append((step.offset, step.length, step.flaw.value))
                continue
            try:
                batch.append((step, decode_record(step.stored, self._codecs)))
            except Malformed as malformed:
                notes.damages.append((step.offset, step.length, malformed.flaw.value))
                continue
            octets += step.length
            if len(batch) == BATCH_RECORDS or octets >= BATCH_BYTES:
                self._note(segment, batch, notes)
                batch, octets = [], 0
        self._note(segment, batch, notes)
        return notes.survey(segment, size, seal)

    def _note(self, segment: int, batch: list[tuple[Found, Record]], notes: "_Notes") -> None:
        for _, record in batch:
            if record.header.kind is Kind.PURGE:
                notes.purges += [(one.account_id, one.content_id) for one in unpack_purges(record.raw)]
        commits = [
            one for _, record in batch if record.header.kind is Kind.COMMIT for one in unpack_commits(record.raw)
        ]
        spots = [
            (target.account_id, target.content_id, step.offset, step.length, target.receipt)
            for step, record in batch
            if record.meta is not None
            for target in record.meta.targets
        ]
        keys = {(spot[0], spot[1]) for spot in spots} | {(one.account_id, one.content_id) for one in commits}
        found = places.look_up(self._handle, sorted(keys))
        for spot in spots:
            notes.place(spot, found.get((spot[0], spot[1])), self._shard.id, segment)
        for one in commits:
            if (one.account_id, one.content_id) not in found:
                notes.commits.append((one.account_id, one.mailbox_id, one.uid, one.content_id))


class _Notes:
    """A survey in the making."""

    def __init__(self) -> None:
        self.sound = 0
        self.unclaimed: list[Spot] = []
        self.copies: list[Spot] = []
        self.commits: list[tuple[int, int, int, int]] = []
        self.purges: list[Key] = []
        self.damages: list[tuple[int, int, str]] = []

    def place(self, spot: Spot, leads: Leads | None, shard_id: int, segment: int) -> None:
        if leads is None:
            self.unclaimed.append(spot)
        elif Place(shard_id, segment, spot[2], spot[3]) in leads:
            self.sound += 1
        else:
            self.copies.append(spot)

    def survey(self, segment: int, size: int, seal: Seal | None) -> Survey:
        return Survey(
            segment,
            size,
            seal.length if seal else -1,
            seal.sealed_at if seal else 0,
            self.sound,
            tuple(self.unclaimed),
            tuple(self.copies),
            tuple(self.commits),
            tuple(self.purges),
            tuple(self.damages),
        )
