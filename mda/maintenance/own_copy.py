"""A message's record for one account alone, for another shard, and the commit records that go there with it."""

from collections.abc import Sequence

from mda.metadata.mailbox import places
from mda.metadata.mailbox.places import Key
from mda.metadata.postgresql.opened import Handle
from mda.storage.commits import CommitRecord
from mda.storage.decode import Record
from mda.storage.encode import EncodedRecord, Encoder, from_microseconds
from mda.storage.record import Target


def own_copy(encoder: Encoder, record: Record, key: Key) -> EncodedRecord:
    """The record anew, of the account and content id `key`, with its receipt where it has one."""
    targets = record.meta.targets if record.meta else ()
    own = [one for one in targets if (one.account_id, one.content_id) == key]
    return encoder.encode_message(
        record.raw,
        received_at=from_microseconds(record.header.received_at),
        reverse_path=record.meta.reverse_path if record.meta else "",
        targets=own or (Target(*key),),
    )


def commits_of(handle: Handle, account_id: int, content_ids: Sequence[int]) -> list[CommitRecord]:
    """Where the database has put the contents: so one shard alone is enough for a rebuild."""
    rows = places.committed(handle, account_id, content_ids)
    return [CommitRecord(account_id, mailbox_id, uid, content_id) for mailbox_id, uid, content_id in rows]
