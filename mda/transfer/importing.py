"""Messages from files into an account: bodies to its shard, rows to its mailboxes, a batch at a time.

Bytes are taken as they are and not classified; what comes from a file has no prefix, so that an export gives the same.
Each batch is durable before its rows, as in a delivery; what is interrupted leaves whole batches. Quotas do not hold an
admin's import up. What comes into the mailbox with role sent says whom the user has written to (mda.learning).
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mda.causes import Cause
from mda.delivery import delivered_form
from mda.errors import DatabaseUnavailable
from mda.identifiers import IdentifierSource
from mda.learning import correspondents
from mda.metadata.delivery.deliver import Committer, Delivery, Stored
from mda.metadata.mailbox import imported
from mda.metadata.postgresql.opened import Handle
from mda.mime import brief
from mda.settings import Settings
from mda.storage.commits import CommitRecord
from mda.storage.dictionaries import Dictionaries
from mda.storage.encode import EncodedRecord, Encoder
from mda.storage.location import Location
from mda.storage.record import Target
from mda.storage.shard import Shard
from mda.storage.writer import SegmentWriter
from mda.transfer.item import Item
from mda.transfer.known import Known

BATCH_MESSAGES = 200
BATCH_BYTES = 16_777_216
LOCK_WAIT_SECONDS = 5.0
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Imported:
    """One batch's outcome: messages that are stored now, those left out as already there, bytes of their files."""

    stored: int
    skipped: int
    size: int


class Importer:
    """Imports into one account, what is `known` left out. `close` when done: it writes the last commit records."""

    def __init__(
        self, handle: Handle, settings: Settings, shard: Shard, account_id: int, known: Known | None = None
    ) -> None:
        self._handle = handle
        self._shard = shard
        self._account_id = account_id
        self._identifiers = IdentifierSource()
        self._encoder = Encoder(settings.storage.compression_level, Dictionaries(shard.root))
        self._writer = SegmentWriter(
            shard, self._identifiers, encoder=self._encoder, segment_bytes=settings.storage.segment_bytes
        )
        self._committer = Committer(
            handle.url.render_as_string(hide_password=False), settings.database, self._identifiers
        )
        self._known = known
        self._mailboxes: dict[str, int] = {}
        self._are_sent: dict[int, bool] = {}

    def run(self, items: Iterable[Item], mailbox: str) -> Iterator[Imported]:
        """Stores all of them, those without a mailbox of their own into `mailbox`; each batch when it is committed.
        StorageUnavailable or DatabaseUnavailable where it can't go on: batches that were told are there."""
        for batch in _batches(items):
            yield self._store(batch, mailbox)

    def close(self) -> None:
        if self._known is not None:
            self._known.close()
        self._committer.close()
        self._writer.close()

    def _store(self, batch: Sequence[Item], mailbox: str) -> Imported:
        fresh = [item for item in batch if self._known is None or self._known.is_new(item.raw)]
        size = sum(item.size for item in batch)
        if fresh:
            content_ids = [self._identifiers.next() for _ in fresh]
            records = [self._record(*pair) for pair in zip(fresh, content_ids, strict=True)]
            places = self._writer.append(records)
            deliveries = [
                self._delivery(item, mailbox, content_id, record, place)
                for item, content_id, record, place in zip(fresh, content_ids, records, places, strict=True)
            ]
            self._commit(deliveries, fresh)
        return Imported(len(fresh), len(batch) - len(fresh), size)

    def _record(self, item: Item, content_id: int) -> EncodedRecord:
        target = Target(self._account_id, content_id)
        return self._encoder.encode_message(item.raw, received_at=item.received_at, reverse_path="", targets=(target,))

    def _delivery(self, item: Item, mailbox: str, content_id: int, record: EncodedRecord, place: Location) -> Delivery:
        parsed, _ = brief.read(item.raw)
        return Delivery(
            account_id=self._account_id,
            content_id=content_id,
            destination=self._mailbox(item.mailbox or mailbox),
            receipt=None,
            internal_date=item.received_at,
            flags=int(item.flags),
            shard_id=self._shard.id,
            segment=place.segment,
            offset=place.offset,
            length=place.length,
            digest=record.digest,
            size=len(item.raw),
            delivered_size=delivered_form.size(item.prefix, len(item.raw), item.forged_spans),
            envelope=parsed.envelope,
            body_structure=parsed.body_structure,
            structure=parsed.structure,
            prefix=item.prefix,
            forged_spans=item.forged_spans,
            message_id_hash=parsed.message_id_hash,
            reference_hashes=parsed.reference_hashes,
            subject_base=parsed.subject_base,
            sent_at=parsed.sent_at,
            preview=parsed.preview,
            has_attachment=parsed.has_attachment,
            defects=parsed.defects,
            received_at=item.received_at,
        )

    def _mailbox(self, path: str) -> int:
        if path not in self._mailboxes:
            self._mailboxes[path] = imported.ensure_mailbox(self._handle, self._identifiers, self._account_id, path)
        return self._mailboxes[path]

    def _commit(self, deliveries: Sequence[Delivery], items: Sequence[Item]) -> None:
        left = list(zip(deliveries, items, strict=True))
        for attempt in range(ATTEMPTS):
            outcomes = self._committer.commit([delivery for delivery, _ in left], LOCK_WAIT_SECONDS)
            stored = [(one, item) for one, (_, item) in zip(outcomes, left, strict=True) if isinstance(one, Stored)]
            self._note(stored)
            causes = [one for one in outcomes if isinstance(one, Cause)]
            left = [pair for one, pair in zip(outcomes, left, strict=True) if isinstance(one, Cause)]
            if not left:
                return
            if Cause.COMMIT_UNKNOWN in causes:
                break
            time.sleep(0.1 * 2**attempt)
        raise DatabaseUnavailable(
            f"{len(left)} messages could not be committed: {causes[0].name.lower()}",
            "run the import again with --skip-existing",
        )

    def _note(self, stored: Sequence[tuple[Stored, Item]]) -> None:
        rows = [one for one, _ in stored]
        self._writer.note_commits(
            [CommitRecord(one.account_id, one.mailbox_id, one.uid, one.content_id) for one in rows]
        )
        named = [(one.mailbox_id, one.uid, item.keywords) for one, item in stored if item.keywords]
        imported.set_keywords(self._handle, self._account_id, named)
        written_to = [
            address
            for one, item in stored
            if self._is_sent(one.mailbox_id)
            for address in correspondents.recipients(item.raw)
        ]
        correspondents.note(self._handle, self._identifiers, self._account_id, tuple(dict.fromkeys(written_to)))

    def _is_sent(self, mailbox_id: int) -> bool:
        if mailbox_id not in self._are_sent:
            self._are_sent[mailbox_id] = correspondents.is_sent(self._handle, self._account_id, mailbox_id)
        return self._are_sent[mailbox_id]


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    octets = 0
    for item in items:
        batch.append(item)
        octets += len(item.raw)
        if len(batch) == BATCH_MESSAGES or octets >= BATCH_BYTES:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch
