"""The check of the whole store: database against segments and back, online, resumable, dry unless it may repair.

    segments   every record of every segment is read, and compared with the rows (survey, kept in a journal)
    bodies     rows that lead to no sound record of theirs are led to a good copy
    lost       acknowledged mail without a row comes back; bodies that nobody was told of are purged
    damage     segments are rewritten without the bytes that are no records, where no row leads there
    counters   counters, UIDNEXT and duplicated rows
    replicas   what has none any more gets one again

What changes while it runs is looked at again before it is called wrong. A check holds the shards' locks: no compaction
moves what it has seen.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from mda.identifiers import IdentifierSource, format_id
from mda.maintenance import open_segments
from mda.maintenance.check_bodies import BodyCheck
from mda.maintenance.check_lost import LostCheck
from mda.maintenance.compaction import rewrite, rules_of, settled_sources
from mda.maintenance.evidence import Evidence
from mda.maintenance.findings import Finding, Kind, Outcome
from mda.maintenance.journal import Journal
from mda.maintenance.pace import Pace
from mda.maintenance.purging import record_purges
from mda.maintenance.replication import LeftOut, replicate
from mda.maintenance.survey import Survey, Surveyor
from mda.metadata.directory import accounts
from mda.metadata.mailbox import consistency, places
from mda.metadata.mailbox.consistency import Wrong
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.storage.abandoned import list_segments
from mda.storage.folder_lock import maintained
from mda.storage.reader import SegmentReader
from mda.storage.retired import list_retired
from mda.storage.shard import Shard, open_shard

_KINDS = {Wrong.COUNTER: Kind.COUNTER, Wrong.UID: Kind.UID, Wrong.DUPLICATE: Kind.DUPLICATE}


class StoreCheck:
    """One check of all shards. `run` yields what it finds as it finds it."""

    def __init__(
        self,
        handle: Handle,
        settings: Settings,
        shards: Sequence[Shard],
        *,
        repairs: bool,
        watch: Callable[[int], None] = lambda octets: None,
    ) -> None:
        """`watch` is told of the octets of segments, as they are passed."""
        self._handle = handle
        self._settings = settings
        self._shards = shards
        self._repairs = repairs
        self._identifiers = IdentifierSource()
        self._watch = watch
        self._pace = Pace(settings.storage.maintenance_bytes_per_second, watch=watch)
        self._journal = Journal(Path(settings.data_dir) / "check" / "surveys.jsonl")

    def forget(self) -> None:
        """The next run begins from the first segment."""
        self._journal.forget()

    def run(self) -> Iterator[Finding]:
        """StorageUnavailable, Conflict or DatabaseUnavailable where it can't go on; it can then be run again."""
        with ExitStack() as stack:
            for shard in self._shards:
                open_shard(shard.root, shard.id, shard.name)
                stack.enter_context(maintained(shard.root, shard.name))
            for shard in self._shards:
                yield from open_segments.check(shard, repairs=self._repairs)
            evidence = Evidence(self._survey_all())
            readers = {shard.id: SegmentReader(shard) for shard in self._shards}
            bodies = BodyCheck(self._handle, evidence, readers, repairs=self._repairs)
            for shard in self._shards:
                yield from bodies.run(shard.id)
            yield from LostCheck(self._handle, evidence, readers, repairs=self._repairs).run()
            if self._repairs:
                record_purges(self._handle, self._identifiers)
            for shard in self._shards:
                yield from self._damage(shard, evidence)
            yield from self._counters()
            if self._repairs:
                yield from self._replicas()
            for reader in readers.values():
                reader.close()
        self._journal.forget()

    def _survey_all(self) -> Iterator[tuple[int, Survey]]:
        known = {(shard_id, survey.segment): survey for shard_id, survey in self._journal.read()}
        for shard in self._shards:
            surveyor = Surveyor(self._handle, shard, self._pace)
            for segment, _ in list_segments(shard.root):
                earlier = known.get((shard.id, segment))
                if earlier and earlier.is_sealed:
                    self._watch(earlier.size)
                    survey: Survey | None = earlier
                else:
                    survey = surveyor.survey(segment)
                if survey is None:
                    continue
                if survey is not earlier:
                    self._journal.add(shard.id, survey)
                yield shard.id, survey

    def _replicas(self) -> Iterator[Finding]:
        for step in replicate(self._handle, self._settings):
            if isinstance(step, LeftOut):
                yield Finding(Kind.NO_REPLICA, f"account {format_id(step.account_id)}", step.why, Outcome.LEFT)

    def _damage(self, shard: Shard, evidence: Evidence) -> Iterator[Finding]:
        retired = {one.segment for one in list_retired(shard.root)}
        damaged = {
            segment: survey
            for (shard_id, segment), survey in evidence.surveys.items()
            if shard_id == shard.id
            and survey.is_sealed
            and segment not in retired
            and (survey.damages or survey.size < survey.sealed_length)
        }
        rows = places.rows_in(self._handle, shard.id, sorted(damaged))
        for segment, survey in sorted(damaged.items()):
            places_there = [place for _, place, _ in rows if place.segment == segment]
            hurt = sum(
                any(at < place.offset + place.length and place.offset < at + length for at, length, _ in survey.damages)
                or place.offset + place.length > survey.size
                for place in places_there
            )
            yield self._judge_damage(shard, survey, hurt)

    def _judge_damage(self, shard: Shard, survey: Survey, hurt: int) -> Finding:
        if survey.size < survey.sealed_length:
            kind, what = Kind.TRUNCATED, f"{survey.size} bytes of {survey.sealed_length} are left"
        else:
            kind = Kind.DAMAGED_SEGMENT
            what = "; ".join(f"offset {at}, {length} bytes: {flaw}" for at, length, flaw in survey.damages[:10])
        where = f"shard {shard.name}, segment {format_id(survey.segment)}"
        if hurt:
            return Finding(kind, where, f"{what}; {hurt} messages are in it", Outcome.LEFT)
        if not self._repairs:
            return Finding(kind, where, f"{what}; no message is in it", Outcome.FOUND)
        settled = settled_sources(shard, rules_of(self._settings).settled_seconds)
        chosen = [source for source in settled if source.segment == survey.segment]
        done = list(rewrite(self._handle, shard, self._settings, self._identifiers, chosen, skips_damage=True))
        if not done or done[0].error:
            return Finding(kind, where, f"{what}; it was sealed just now: repair again later", Outcome.LEFT)
        return Finding(kind, where, f"{what}; no message was in it, and it is rewritten", Outcome.REPAIRED)

    def _counters(self) -> Iterator[Finding]:
        suspects = consistency.wrong_accounts(self._handle)
        names = accounts.addresses_of(self._handle, suspects)
        for account_id in suspects:
            for one in consistency.examine(self._handle, account_id, repairs=self._repairs):
                place = f"account {names.get(account_id, format_id(account_id))}"
                outcome = Outcome.REPAIRED if one.is_repaired else Outcome.FOUND
                yield Finding(_KINDS[one.wrong], place, one.what, outcome)
