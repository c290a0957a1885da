"""The first pass of a rebuild: every record of every shard, and of each message only where its newest copy lies.

Checkpoints are not read here but noted: they are loaded part by part, when it is known which one is the newest whole.
In memory stand some 300 bytes a message.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mda.identifiers import format_id
from mda.logs import logger
from mda.maintenance.checkpoint import id_of
from mda.metadata.mailbox.erasure import ALL_CONTENTS
from mda.metadata.mailbox.places import Key
from mda.storage.abandoned import list_segments, seal_abandoned
from mda.storage.body import Codecs
from mda.storage.commits import unpack_commits, unpack_purges
from mda.storage.decode import decode_record
from mda.storage.dictionaries import Dictionaries
from mda.storage.location import Location, segment_path
from mda.storage.record import Kind, Malformed
from mda.storage.scan import Damage, Found, scan_segment
from mda.storage.seal import read_seal
from mda.storage.shard import Shard


class Spot(NamedTuple):
    """A message's newest copy. `shard` is its shard's place in the list; `received_at` in microseconds since 1970."""

    shard: int
    segment: int
    offset: int
    length: int
    receipt: bytes
    received_at: int


Committed = tuple[int, int]
"""Mailbox id and UID."""


@dataclass(slots=True)
class Ledger:
    """What the segments say. `checkpoints` are the places of each one's parts, by shard and checkpoint id."""

    spots: dict[Key, Spot] = field(default_factory=dict)
    commits: dict[Key, Committed] = field(default_factory=dict)
    purged: set[Key] = field(default_factory=set)
    checkpoints: dict[int, dict[int, list[Location]]] = field(default_factory=dict)
    damages: int = 0

    def is_purged(self, key: Key) -> bool:
        return key in self.purged or (key[0], ALL_CONTENTS) in self.purged

    def by_account(self) -> dict[int, list[int]]:
        """Content ids of the messages that are not purged, by account, both in order."""
        found: dict[int, list[int]] = {}
        for key in sorted(self.spots):
            if not self.is_purged(key):
                found.setdefault(key[0], []).append(key[1])
        return found


def survey(shards: Sequence[Shard], watch: Callable[[int], None]) -> Ledger:
    """Reads all segments of the shards, oldest first; dead writers' are sealed before. Damage is logged and left.
    `watch` is told of the octets that are read."""
    ledger = Ledger()
    for number, shard in enumerate(shards):
        seal_abandoned(shard)
        seals = ((segment, read_seal(shard.root, segment)) for segment, _ in list_segments(shard.root))
        lengths = ((segment, seal.length if seal else None) for segment, seal in seals)
        survey_into(ledger, number, shard, lengths, watch)
    return ledger


def survey_into(
    ledger: Ledger,
    number: int,
    shard: Shard,
    segments: Iterable[tuple[int, int | None]],
    watch: Callable[[int], None],
) -> None:
    """Reads these segments, each up to its length where one is given; `number` is the shard's place in the list."""
    codecs = Codecs(dictionaries=Dictionaries(shard.root))
    for segment, length in segments:
        for step in scan_segment(segment_path(shard.root, segment), length):
            watch(step.length)
            _note(ledger, codecs, shard, number, segment, step)


def _note(ledger: Ledger, codecs: Codecs, shard: Shard, number: int, segment: int, step: Found | Damage) -> None:
    try:
        if isinstance(step, Damage):
            raise Malformed(step.flaw)
        record = decode_record(step.stored, codecs)
    except Malformed as malformed:
        ledger.damages += 1
        place = f"shard {shard.name}, segment {format_id(segment)}, offset {step.offset}, length {step.length}"
        logger("storage").error("record_left_out", place=place, flaw=malformed.flaw.value)
        return
    match record.header.kind:
        case Kind.COMMIT:
            for one in unpack_commits(record.raw):
                ledger.commits[one.account_id, one.content_id] = (one.mailbox_id, one.uid)
        case Kind.PURGE:
            ledger.purged |= {(one.account_id, one.content_id) for one in unpack_purges(record.raw)}
        case Kind.CHECKPOINT:
            parts = ledger.checkpoints.setdefault(number, {}).setdefault(id_of(record.raw), [])
            parts.append(Location(segment, step.offset, step.length))
        case Kind.MESSAGE:
            for target in record.meta.targets if record.meta else ():
                key = (target.account_id, target.content_id)
                if key not in ledger.spots or ledger.spots[key].segment <= segment:
                    moment = record.header.received_at
                    ledger.spots[key] = Spot(number, segment, step.offset, step.length, target.receipt, moment)
